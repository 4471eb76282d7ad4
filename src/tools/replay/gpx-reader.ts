/** GPX 1.0 and 1.1: the points of all tracks and segments of a file, in file order. */
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { MalformedCellError, numberCell, timeCell } from './cells.js';
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
  for (const point of trackPointsOf(gpx)) {
    const place = `line ${lines.at(startOf(point))}`;
    const fix = readPoint(point, file, place);
    if (fix.timeMs === undefined) withoutTime.push(place);
    else fixes.push({ ...fix, timeMs: fix.timeMs });
  }
  const ignored = ['wpt', 'rte'].filter((name) => name in gpx).map((name) => `${name} elements`);
  return { name: trackNameOf(file), file, fixes, withoutTime, ignored };
}

function readPoint(
  point: XmlElement,
  file: string,
  place: string,
): Omit<TrackFix, 'timeMs'> & { timeMs?: number } {
  const field = <T>(name: string, value: unknown, read: (value: unknown) => T | undefined): T | undefined => {
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof MalformedCellError)) throw error;
      throw new TrackFileError(file, place, `${name} of trkpt: ${error.message}`);
    }
  };
  const required = (name: 'lat' | 'lon'): number => {
    const value = field(name, point[`@${name}`], numberCell);
    if (value === undefined) throw new TrackFileError(file, place, `${name} of trkpt is missing`);
    return value;
  };
  return {
    timeMs: field('time', point.time, timeCell),
    lat: required('lat'),
    lon: required('lon'),
    altitudeM: field('ele', point.ele, numberCell),
    speedMps: field('speed', point.speed ?? extensionOf(point, 'speed'), numberCell),
    headingDeg: field('course', point.course ?? extensionOf(point, 'course'), numberCell),
  };
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
