/**
 * The floor of `history`: a driver cursor over the positions of a vehicle, written as the same bytes as the answers of the
 * service, with a template for each format.
 *
 *   node bench/support/history-floor.mjs mongodb://127.0.0.1:27018/floor <vehicle id> <call sign>
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mongo } from 'mongoose';
import { positionId } from './positions.mjs';

const [, , url, vehicleId, callSign] = process.argv;
const BATCH = 2_000;
const LAST_MS = 8_640_000_000_000_000;
const client = await new mongo.MongoClient(url).connect();
const positions = client.db().collection('positions');

const json = (p) =>
  `{"lat":${p.lat},"lon":${p.lon},"speedMps":${p.speedMps},"headingDeg":${p.headingDeg},"accuracyM":${p.accuracyM},"time":"${p.time.toISOString()}","receivedAt":"${p.receivedAt.toISOString()}"}`;
const csv = (p) =>
  `${p.time.toISOString()},${p.lat},${p.lon},${p.speedMps},${p.headingDeg},${p.accuracyM},,,,${p.receivedAt.toISOString()},\r\n`;
const gpx = (p) =>
  `<trkpt lat="${p.lat}" lon="${p.lon}"><time>${p.time.toISOString()}</time><extensions><tp:TrackPointExtension><tp:speed>${p.speedMps}</tp:speed><tp:course>${p.headingDeg}</tp:course></tp:TrackPointExtension><s:accuracyM>${p.accuracyM}</s:accuracyM><s:receivedAt>${p.receivedAt.toISOString()}</s:receivedAt></extensions></trkpt>\n`;
const geojson = (p) =>
  `{"type":"Feature","geometry":{"type":"Point","coordinates":[${p.lon},${p.lat}]},"properties":{"speedMps":${p.speedMps},"headingDeg":${p.headingDeg},"accuracyM":${p.accuracyM},"time":"${p.time.toISOString()}","receivedAt":"${p.receivedAt.toISOString()}"}}`;

const FILES = {
  geojson: {
    head: `{"type":"FeatureCollection","name":"${callSign}","vehicleId":"${vehicleId}","features":[\n`,
    row: (p, n) => (n === 0 ? '' : ',\n') + geojson(p),
    tail: '\n]}\n',
  },
  csv: {
    head: 'time,lat,lon,speed_mps,heading_deg,accuracy_m,altitude_m,battery_pct,ignition,received_at,attributes\r\n',
    row: csv,
    tail: '',
  },
  gpx: {
    head: `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="Samserver" xmlns="http://www.topografix.com/GPX/1/1" xmlns:tp="http://www.garmin.com/xmlschemas/TrackPointExtension/v2" xmlns:s="urn:samserver:position:1">
<metadata><name>${callSign}</name><time>${new Date().toISOString()}</time></metadata>
<trk><name>${callSign}</name><desc>vehicle ${vehicleId}</desc>
<trkseg>
`,
    row: gpx,
    tail: '</trkseg>\n</trk>\n</gpx>\n',
  },
};

/** Ascending; @param afterMs null: from the first one on */
function cursorAfter(afterMs) {
  const from = positionId(vehicleId, afterMs === null ? -LAST_MS : afterMs + 1);
  const range = { $gte: from, $lte: positionId(vehicleId, LAST_MS) };
  return positions.find({ _id: range }, { batchSize: BATCH }).sort({ _id: 1 });
}

async function sendFile(response, { head, row, tail }) {
  const cursor = cursorAfter(null);
  response.write(head);
  let text = '';
  let rows = 0;
  for await (const position of cursor) {
    text += row(position, rows);
    rows += 1;
    if (rows % BATCH === 0) {
      if (!response.write(text)) await once(response, 'drain');
      text = '';
    }
  }
  response.end(text + tail);
}

async function sendPage(response, limit, afterMs) {
  const found = await cursorAfter(afterMs)
    .limit(limit + 1)
    .toArray();
  const shown = found.slice(0, limit);
  const next = found.length > limit ? `"${shown.at(-1).time.getTime()}"` : null;
  response.setHeader('content-type', 'application/json');
  response.end(`{"items":[${shown.map(json).join()}],"nextCursor":${next}}`);
}

const server = createServer((request, response) => {
  const { searchParams } = new globalThis.URL(request.url, 'http://127.0.0.1');
  const format = searchParams.get('format');
  const [cursor, from] = [searchParams.get('cursor'), searchParams.get('from')];
  const afterMs = cursor !== null ? Number(cursor) : from !== null ? Date.parse(from) - 1 : null;
  if (format !== null) void sendFile(response, FILES[format]);
  else void sendPage(response, Number(searchParams.get('limit')), afterMs);
});
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
