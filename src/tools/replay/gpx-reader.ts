/** GPX 1.0 and 1.1: the points of all tracks and segments of a file, in file order. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { PointFault, readPoint } from './point-values.js';
import { trackNameOf, TrackFileError, type Track, type TrackFix } from './track.js';

type XmlElement = Readonly<Record<string | symbol, unknown>>;

const META = XMLParser.getMetaDataSymbol() as unknown as symbol;

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  // `gpxtpx:speed`, `ns3:speed`: each device chooses its own prefix.
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  // Numbers and times need no entities, and entity expansion could use unbounded memory.
  processEntities: false,
  captureMetaData: true,
  isArray: (name: string) => name === 'trk' || name === 'trkseg' || name === 'trkpt',
});

export function readGpx(text: string, file: string): Track {
  // The offsets of the parser refer to this text: it normalises line ends the same way.
  const xml = text.replace(/\r\n?/g, '\n');
  const root = parse(xml, file);
  if (!('gpx' in root)) throw new TrackFileError(file, 'line 1', 'no gpx element: not a GPX file');
  const gpx = elementOf(root.gpx) ?? {};

  const lines = new LineCounter(xml);
  const fixes: TrackFix[] = [];
  const withoutTime: string[] = [];
  const refused: string[] = [];
  for (const point of trackPointsOf(gpx)) {
    const place = `line ${lines.at(startOf(point))}`;
    try {
      const fix = readPoint((field) => ({
        name: `${GPX_NAMES[field]} of trkpt`,
        value: valueOf(point, field),
      }));
      if (fix) fixes.push(fix);
      else withoutTime.push(place);
    } catch (error) {
      if (!(error instanceof PointFault)) throw error;
      refused.push(`${place}: ${error.message}`);
    }
  }
  const ignored = ['wpt', 'rte'].filter((name) => name in gpx).map((name) => `${name} elements`);
  return { name: trackNameOf(file), file, fixes, refused, withoutTime, ignored };
}

/** Names of GPX 1.0 and of common extensions. */
const GPX_NAMES = {
  time: 'time',
  lat: 'lat',
  lon: 'lon',
  altitudeM: 'ele',
  speedMps: 'speed',
  headingDeg: 'course',
  accuracyM: 'accuracy',
  batteryPct: 'battery',
  ignition: 'ignition',
  attributes: 'attributes',
} as const;

/** The service's own extension has the name of the field, and goes first: it is exact where GPX has no such value. */
function valueOf(point: XmlElement, field: keyof typeof GPX_NAMES): unknown {
  if (field === 'time') return point.time;
  const own = extensionOf(point, field);
  // No program writes `lon` twice, except the service for 180, which GPX excludes.
  if (field === 'lat' || (field === 'lon' && own === undefined)) return point[`@${field}`];
  return own ?? point[GPX_NAMES[field]] ?? extensionOf(point, GPX_NAMES[field]);
}

/** GPX 1.1 has no speed element: it is `extensions > speed`, or one level deeper in Garmin's TrackPointExtension. */
function extensionOf(point: XmlElement, name: string): unknown {
  const extensions = elementOf(point.extensions);
  if (extensions === undefined) return undefined;
  if (name in extensions) return extensions[name];
  for (const child of Object.values(extensions)) {
    const element = elementOf(child);
    if (element !== undefined && name in element) return element[name];
  }
  return undefined;
}

function* trackPointsOf(gpx: XmlElement): Iterable<XmlElement> {
  for (const track of elementsOf(gpx.trk))
    for (const segment of elementsOf(track.trkseg)) yield* elementsOf(segment.trkpt);
}

function parse(xml: string, file: string): XmlElement {
  const verdict = XMLValidator.validate(xml);
  if (verdict !== true) throw new TrackFileError(file, `line ${verdict.err.line}`, verdict.err.msg);
  try {
    return parser.parse(xml) as XmlElement;
  } catch (error) {
    throw new TrackFileError(file, null, error instanceof Error ? error.message : String(error));
  }
}

/** The parser returns an empty string for an element without children and attributes. */
function elementsOf(value: unknown): XmlElement[] {
  const items: unknown[] = Array.isArray(value) ? value : [];
  return items.map(elementOf).filter((element) => element !== undefined);
}

function elementOf(value: unknown): XmlElement | undefined {
  return typeof value === 'object' && value !== null ? (value as XmlElement) : undefined;
}

function startOf(element: XmlElement): number {
  return (element[META] as { startIndex?: number } | undefined)?.startIndex ?? 0;
}

/** Line numbers for ascending offsets; each part of the text is read once. */
class LineCounter {
  private offset = 0;
  private line = 1;

  constructor(private readonly text: string) {}

  at(offset: number): number {
    for (; this.offset < offset; this.offset += 1) if (this.text[this.offset] === '\n') this.line += 1;
    return this.line;
  }
}
