import type { StoredPosition } from '../stored-position.js';
import { decimal, isoTime, type TrackFormat } from './track-formats.js';

/** GPX 1.1 dropped speed and course; this extension is what programs read them from (GPSBabel, QGIS, OsmAnd). */
const GARMIN = 'http://www.garmin.com/xmlschemas/TrackPointExtension/v2';
const GPX = 'http://www.topografix.com/GPX/1/1';

/** A silence longer than this begins a new segment: a straight line across it would be a way nobody drove. */
const SEGMENT_GAP_MS = 300_000;

/** https://www.topografix.com/GPX/1/1/ */
export const GPX_FORMAT: TrackFormat = {
  mediaType: 'application/gpx+xml',
  extension: 'gpx',
  head: ({ callSign, vehicleId, madeAt }) =>
    `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Samserver" xmlns="${GPX}" xmlns:tp="${GARMIN}">
<metadata><name>${escapeXml(callSign)}</name><time>${madeAt.toISOString()}</time></metadata>
<trk><name>${escapeXml(callSign)}</name><desc>vehicle ${vehicleId}</desc>
`,
  fixes: (page, previous) => {
    let text = '';
    let before = previous;
    for (const fix of page) {
      if (before === null) text += '<trkseg>\n';
      else if (Math.abs(fix.timeMs - before.timeMs) > SEGMENT_GAP_MS) text += '</trkseg>\n<trkseg>\n';
      text += trackPoint(fix);
      before = fix;
    }
    return text;
  },
  tail: (last) => `${last === null ? '' : '</trkseg>\n'}</trk>\n</gpx>\n`,
};

/** The order of elements is the schema's: ele, time, extensions; speed, course. */
function trackPoint(fix: StoredPosition): string {
  const { lat, altitudeM, timeMs, speedMps, headingDeg } = fix;
  // The schema's longitudes end before 180, its courses before 360.
  const lon = fix.lon === 180 ? -180 : fix.lon;
  const elevation = altitudeM === undefined ? '' : `<ele>${decimal(altitudeM)}</ele>`;
  const speed = speedMps === undefined ? '' : `<tp:speed>${decimal(speedMps)}</tp:speed>`;
  const course = headingDeg === undefined ? '' : `<tp:course>${decimal(headingDeg % 360)}</tp:course>`;
  const extensions =
    speed + course === ''
      ? ''
      : `<extensions><tp:TrackPointExtension>${speed}${course}</tp:TrackPointExtension></extensions>`;
  return `<trkpt lat="${decimal(lat)}" lon="${decimal(lon)}">${elevation}<time>${isoTime(timeMs)}</time>${extensions}</trkpt>\n`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** XML 1.0, "Char": some characters cannot stand in a document at all, not even escaped. */
const NOT_XML = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

export function escapeXml(text: string): string {
  return text.replace(NOT_XML, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
