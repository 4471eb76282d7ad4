/**
 * Writes `conversation.jsonl`: half an hour of sixteen boxes and three panels, with as many requests a minute as the old
 * server had (14 to 25), in its body formats, with the malformed requests that really occurred. The same seed gives the same file:
 * `node test/old-conversation/make-conversation.mjs`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const SEED = 20_261_126;
const LENGTH_S = 1_800;
const BOXES = 16;
const ODD_HEADINGS = new Set([89, 90, 91]);
const FORMS = ['json', 'form', 'multipart'];
/** Metres in a degree of latitude, on the mean sphere. */
const DEGREE_M = 111_195;

let state = SEED;
/** mulberry32: 0…1, the same on every machine. */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const between = (low, high) => low + random() * (high - low);
const pick = (list) => list[Math.floor(random() * list.length)];

const boxes = Array.from({ length: BOXES }, (_, n) => ({
  code: String(280 + n),
  ambulanceId: (0x65000000 + n).toString(16).padEnd(24, '0'),
}));
const [first, second, third] = boxes;
const steps = [];
const add = (atS, step) => steps.push({ atS: Math.round(atS * 10) / 10, ...step });

boxes.forEach(({ code }, n) => {
  const form = FORMS[n % FORMS.length];
  // One drives fast enough for ORANGE, one for RED; one stands.
  const usualMps = n === 3 ? 27 : n === 4 ? 38 : n === 5 ? 0 : between(6, 18);
  let [lat, lon, headingDeg] = [between(13.6, 13.9), between(100.4, 100.7), between(0, 360)];
  let everyS = between(36, 60);
  const headings = new Set();
  for (let atS = between(2, 40); atS < LENGTH_S; atS += everyS) {
    const speedMps = Math.max(0, usualMps + (usualMps && between(-2, 2)));
    headingDeg = (headingDeg + between(-20, 20) + 360) % 360;
    const wayM = speedMps * everyS;
    lat += (wayM * Math.cos((headingDeg * Math.PI) / 180)) / DEGREE_M;
    lon += (wayM * Math.sin((headingDeg * Math.PI) / 180)) / (DEGREE_M * Math.cos((lat * Math.PI) / 180));
    const round = (value, digits) => Number(value.toFixed(digits));
    // Unique for each request of a box, malformed ones included: it identifies the request in every result.
    let heading = round(headingDeg, 1);
    while (headings.has(heading) || ODD_HEADINGS.has(heading)) heading = round((heading + 0.1) % 360, 1);
    headings.add(heading);
    add(atS, {
      kind: 'position',
      form,
      fields: {
        // One box sends its code as a number.
        ambulance_id: n === 6 && form === 'json' ? Number(code) : code,
        tracking_latitude: round(lat, 6),
        tracking_longitude: round(lon, 6),
        tracking_speed: round(speedMps, 2),
        tracking_heading: heading,
      },
    });
    everyS = between(36, 60);
  }
});

let [seed, posts] = [0, 0];
for (let atS = 60; atS < LENGTH_S; atS += between(70, 130)) {
  const files = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, n) => {
    seed += 1;
    return { field: `cam${n}`, name: pick(['front.jpg', 'back.JPG', 'cam.1.jpg']), seed };
  });
  // Another box each time: half an hour is played in half a minute, and names differ by the second only.
  posts += 1;
  add(atS, { kind: 'pictures', fields: { ambulance_id: boxes[(posts * 7) % BOXES].code }, files });
}

/** Last place of a box, so that a malformed request is not a jump. */
const placeOf = (box, atS) => {
  const isBefore = (step) => step.fields?.ambulance_id === box.code && step.atS < atS;
  const { tracking_latitude, tracking_longitude } = steps.filter(isBefore).at(-1).fields;
  return { tracking_latitude, tracking_longitude, tracking_heading: 90 };
};
steps.sort((one, other) => one.atS - other.atS);
for (const [atS, box] of [
  [400, first],
  [1_100, third],
]) {
  const fields = { ambulance_id: box.code, ...placeOf(box, atS), tracking_speed: 3 };
  add(atS, { kind: 'crash', form: 'json', fields, endsOld: true });
}

// The malformed requests.
const odd = (fields, more = {}) => ({ kind: 'position', form: 'json', fields, ...more });
const good = { ambulance_id: second.code, ...placeOf(second, 500), tracking_speed: 5 };
const later = { ...good, ...placeOf(second, 900) };
add(500, odd({ ...good, ambulance_id: 'unknown' }));
add(501, odd({}));
add(502, odd({ ...good, tracking_latitude: 'north', tracking_heading: 89 }));
add(503, { kind: 'raw', path: '/api/tracking/postAmbulanceTracking', body: '{' });
add(504, { kind: 'crash', form: 'form', fields: { ...good, ambulance_id: 'unknown' } });
add(505, { kind: 'pictures', fields: { ambulance_id: 'unknown' }, files: [] });
add(900, odd({ ...later, tracking_speed: 'nan', more: 'of it' }, { endsOld: true }));
add(901, odd({ ...later, tracking_speed: undefined, tracking_heading: 91 }, { endsOld: true }));
for (const port of ['http', 'socket']) {
  for (const path of ['/', '/error_codes', '/uploads/ambulance_images/nothing/here.jpg', '/nowhere']) {
    add(700, { kind: 'get', port, path });
  }
}

add(1_110, {
  kind: 'crash',
  form: 'form',
  fields: {
    ambulance_id: third.code,
    ...placeOf(third, 1_110),
    tracking_heading: 'nan',
    tracking_speed: 4.2,
  },
  endsOld: true,
});

// A drive over both limits and back. Its headings have two decimals, so that they are unique.
const fast = boxes[8];
[70, 85, 125, 131, 110, 81, 60, 90, 0.5].forEach((kmh, n) => {
  const heading = Number((200 + (n + 1) / 100).toFixed(2));
  const { tracking_latitude: lat, tracking_longitude: lon } = placeOf(fast, 1_200);
  // Both coordinates change: mongoose writes one alone as a path, which the embedded database refuses.
  const [tracking_latitude, tracking_longitude] = [lat, lon].map((deg) =>
    Number((deg + (n + 1) / 1e4).toFixed(6)),
  );
  const place = { tracking_latitude, tracking_longitude, tracking_heading: heading };
  const fields = { ambulance_id: fast.code, ...place };
  add(1_200 + n, odd({ ...fields, tracking_speed: Number((kmh / 3.6).toFixed(4)) }, { afterWrites: true }));
});

// A request from its assignment to its end, and a later request of a vehicle that has one.
const assigned = boxes[9];
const dispatch = (atS, box, more) => add(atS, { kind: 'dispatch', ambulanceId: box.ambulanceId, ...more });
const journey = { source: { lat: 13.7, lon: 100.5 }, destination: { lat: 13.8, lon: 100.6 } };
dispatch(600, assigned, { status: 'OPERATION_ASSIGNED', requestType: 'REF', ...journey });
dispatch(650, first, { status: 'IDEAL', requestType: 'OUT' });
dispatch(1_300, assigned, { status: 'COMPLETED' });

for (const [panel, transport, rooms] of [
  ['board', 'websocket', ['tracking', 'crash', 'snap']],
  ['desk', 'polling', [first.ambulanceId, `"CRASH_NOTIFY_${first.ambulanceId}"`]],
  ['both', 'websocket', ['tracking', second.ambulanceId]],
]) {
  add(0, { kind: 'panel', panel, transport });
  for (const room of rooms) add(1, { kind: 'join', panel, room });
}
add(1_500, { kind: 'leave', panel: 'both', room: 'tracking' });

steps.sort((one, other) => one.atS - other.atS);
const lines = [{ seed: SEED, boxes }, ...steps].map((line) => JSON.stringify(line));
writeFileSync(join(import.meta.dirname, 'conversation.jsonl'), `${lines.join('\n')}\n`);
