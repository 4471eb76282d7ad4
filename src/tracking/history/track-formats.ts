import { formatTime, type Position, positionGeoJson } from '../../core/index.js';

interface TrackHeader {
  readonly callSign: string;
  readonly vehicleId: string;
  readonly madeAt: Date;
}

/** A file format that can be written page by page: no part of it depends on a later one. */
export interface TrackFormat {
  readonly mediaType: string;
  readonly extension: string;
  head(header: TrackHeader): string;
  /** @param previous the last position of the page before; null on the first page */
  fixes(page: readonly Position[], previous: Position | null): string;
  /** @param last null for an empty track */
  tail(last: Position | null): string;
}

/** GPX 1.1 has no speed and no course. GPSBabel, QGIS and OsmAnd read them from this extension. */
const GARMIN = 'http://www.garmin.com/xmlschemas/TrackPointExtension/v2';
/** For what neither has: elements with the names of the API. `samserver replay` reads them. */
const OWN = 'urn:samserver:position:1';
const GPX = 'http://www.topografix.com/GPX/1/1';

/** A longer gap begins a new segment, so that no line is drawn where the vehicle was not seen. */
const SEGMENT_GAP_MS = 300_000;

/** https://www.topografix.com/GPX/1/1/ */
export const GPX_FORMAT: TrackFormat = {
  mediaType: 'application/gpx+xml',
  extension: 'gpx',
  head: ({ callSign, vehicleId, madeAt }) =>
    `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Samserver" xmlns="${GPX}" xmlns:tp="${GARMIN}" xmlns:s="${OWN}">
<metadata><name>${escapeXml(callSign)}</name><time>${madeAt.toISOString()}</time></metadata>
<trk><name>${escapeXml(callSign)}</name><desc>vehicle ${vehicleId}</desc>
`,
  fixes: (page, previous) => {
    let text = '';
    let before = previous;
    for (const position of page) {
      if (before === null) text += '<trkseg>\n';
      else if (Math.abs(position.timeMs - before.timeMs) > SEGMENT_GAP_MS) text += '</trkseg>\n<trkseg>\n';
      text += trackPoint(position);
      before = position;
    }
    return text;
  },
  tail: (last) => `${last === null ? '' : '</trkseg>\n'}</trk>\n</gpx>\n`,
};

/** In the order that the schemas require: ele, time, extensions; speed, course. */
function trackPoint(position: Position): string {
  const { lat, altitudeM, timeMs, speedMps, headingDeg } = position;
  // The schema excludes longitude 180 and course 360; the own elements keep them.
  const lon = position.lon === 180 ? -180 : position.lon;
  const course = headingDeg === undefined ? undefined : headingDeg % 360;
  const garmin = element.speed(number(speedMps)) + element.course(number(course));
  const own =
    element.lon(number(lon === position.lon ? undefined : position.lon)) +
    element.headingDeg(number(course === headingDeg ? undefined : headingDeg)) +
    element.accuracyM(number(position.accuracyM)) +
    element.batteryPct(number(position.batteryPct)) +
    element.ignition(position.ignition?.toString()) +
    element.attributes(position.attributes && xmlSafeJson(position.attributes));
  const pointExtension = element.pointExtension(garmin || undefined);
  return (
    `<trkpt lat="${decimal(lat)}" lon="${decimal(lon)}">${element.ele(number(altitudeM))}` +
    `<time>${formatTime(timeMs)}</time><extensions>${pointExtension}${own}` +
    `<s:receivedAt>${formatTime(position.receivedAtMs)}</s:receivedAt></extensions></trkpt>\n`
  );
}

/** @returns the element with a content, which is XML; no element for undefined */
function elementNamed(name: string): (content: string | undefined) => string {
  const [start, end] = [`<${name}>`, `</${name}>`];
  return (content) => (content === undefined ? '' : start + content + end);
}

const element = {
  ele: elementNamed('ele'),
  pointExtension: elementNamed('tp:TrackPointExtension'),
  speed: elementNamed('tp:speed'),
  course: elementNamed('tp:course'),
  lon: elementNamed('s:lon'),
  headingDeg: elementNamed('s:headingDeg'),
  accuracyM: elementNamed('s:accuracyM'),
  batteryPct: elementNamed('s:batteryPct'),
  ignition: elementNamed('s:ignition'),
  attributes: elementNamed('s:attributes'),
};

/** Escapes within the strings of the JSON, so that a reader of the XML gets this text with or without its entities. */
function xmlSafeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[&<>\ufffe\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Characters that XML 1.0 ("Char") forbids, escaped or not. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

export function escapeXml(text: string): string {
  return text.replace(NOT_XML, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

/**
 * RFC 7946: a FeatureCollection with one Point per position. Time and measurements are in `properties` under the names of
 * the API. A LineString would need all places before all times: the whole track in memory, or two reads of a history that
 * changes in between. It also cannot hold a single position.
 */
export const GEOJSON_FORMAT: TrackFormat = {
  mediaType: 'application/geo+json',
  extension: 'geojson',
  head: ({ callSign, vehicleId }) =>
    `{"type":"FeatureCollection","name":${JSON.stringify(callSign)},"vehicleId":"${vehicleId}","features":[`,
  fixes: (page, previous) => `${previous === null ? '\n' : ',\n'}${page.map(positionGeoJson).join(',\n')}`,
  tail: () => '\n]}\n',
};

const COLUMNS = [
  'time',
  'lat',
  'lon',
  'speed_mps',
  'heading_deg',
  'accuracy_m',
  'altitude_m',
  'battery_pct',
  'ignition',
  'received_at',
  'attributes',
];

/** In the order of `COLUMNS`. An absent value is an empty cell. */
function csvRow(position: Position): string {
  const { timeMs, lat, lon, ignition, receivedAtMs, attributes } = position;
  const measured = `${cell(position.speedMps)},${cell(position.headingDeg)},${cell(position.accuracyM)}`;
  const more = `${cell(position.altitudeM)},${cell(position.batteryPct)},${ignition ?? ''}`;
  const json = attributes ? `"${JSON.stringify(attributes).replaceAll('"', '""')}"` : '';
  return `${formatTime(timeMs)},${decimal(lat)},${decimal(lon)},${measured},${more},${formatTime(receivedAtMs)},${json}\r\n`;
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : decimal(value);
}

/** RFC 4180 with a header line. Only attributes, which are JSON, need quotes. */
export const CSV_FORMAT: TrackFormat = {
  mediaType: 'text/csv; charset=utf-8; header=present',
  extension: 'csv',
  head: () => `${COLUMNS.join(',')}\r\n`,
  fixes: (page) => page.map(csvRow).join(''),
  tail: () => '',
};

function number(value: number | undefined): string | undefined {
  return value === undefined ? undefined : decimal(value);
}

/**
 * All digits without an exponent: a decimal of XML Schema has none, and some CSV readers do not accept one. Numbers of a
 * position are below 1e21, so only small ones get an exponent from `String`.
 */
function decimal(value: number): string {
  const text = String(value);
  if (!text.includes('e-')) return text;
  const [, sign, first, rest = '', exponent] = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text) ?? [];
  return exponent === undefined ? text : `${sign}0.${'0'.repeat(Number(exponent) - 1)}${first}${rest}`;
}
