/**
 * Old boxes, as a child process. Each sends a position every second, as python-requests does, and pictures every 700 ms
 * without waiting for the answer, as Node's `request` does: a new connection each time. The arguments are in the first message:
 * `port`, `codes` of the boxes, `seconds`, and `hasPictures`: false for positions only.
 */
import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { request } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { URLSearchParams } from 'node:url';
import sharp from 'sharp';
import { at, sortedNumbers } from './statistics.mjs';

const PICTURES_EVERY_MS = 700;
const POSITIONS_EVERY_MS = 1_000;
/** Time-out of the boxes. */
const LIMIT_MS = 3_000;
const FRAMES = 40;
/** Offset of the density in a JFIF header: 4 bytes that the service keeps, so that each picture has other bytes. */
const DENSITY_AT = 14;
const BOUNDARY = '--------------------------283745628374652837465283';

/** JPEGs of 640x360 in 18 to 20 kB. */
async function makeFrames() {
  const frames = [];
  for (let n = 0; n < FRAMES; n += 1) {
    const image = sharp({
      create: {
        width: 640,
        height: 360,
        channels: 3,
        noise: { type: 'gaussian', mean: 90 + n, sigma: 23 },
        background: '#445566',
      },
    }).blur(0.8);
    frames.push(await image.jpeg({ quality: 55 }).toBuffer());
  }
  return frames;
}

let count = 0;

function picture(frames) {
  count += 1;
  const bytes = Buffer.from(frames[count % frames.length]);
  bytes.writeUInt32BE(count, DENSITY_AT);
  return bytes;
}

function field(name, value) {
  return Buffer.from(`--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`);
}

function file(name, filename, bytes) {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return [Buffer.from(head), bytes, Buffer.from('\r\n')];
}

/** The parts in the order of `request`: each in a write of its own. */
function pictureBody(code, time, frames) {
  const fields = { ID: code, ambulance_id: code, ambulance_box_code: code, images_count: 2, Time: time };
  return [
    ...Object.entries(fields).map(([name, value]) => field(name, value)),
    ...file('CAM1', 'cam1.jpg', picture(frames)),
    ...file('CAM2', 'cam2.jpg', picture(frames)),
    Buffer.from(`--${BOUNDARY}--\r\n`),
  ];
}

function positionBody(code, n) {
  const fields = {
    tracking_speed: '4.7e-05',
    ambulance_box_code: code,
    tracking_longitude: String(100.5 + n / 10_000),
    ambulance_id: code,
    tracking_heading: '0.0',
    tracking_latitude: String(13.75 + n / 10_000),
  };
  return [Buffer.from(new URLSearchParams(fields).toString())];
}

/** @returns the status; 0 without an answer in time */
async function post(port, path, type, parts) {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const headers = { 'content-type': type, 'content-length': size, connection: 'close' };
  const sent = request({ port, path, method: 'POST', headers, agent: false, timeout: LIMIT_MS });
  sent.on('timeout', () => sent.destroy(new Error('too late')));
  for (const part of parts) sent.write(part);
  sent.end();
  try {
    const [answer] = await once(sent, 'response');
    answer.resume();
    await once(answer, 'end');
    return answer.statusCode;
  } catch {
    return 0;
  }
}

class Tally {
  statuses = {};
  latenciesMs = [];

  async count(answer) {
    const startMs = performance.now();
    const status = await answer;
    this.latenciesMs.push(performance.now() - startMs);
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
  }

  result() {
    const sorted = sortedNumbers(this.latenciesMs);
    return {
      count: sorted.length,
      statuses: this.statuses,
      latencyMs: { p50: at(sorted, 0.5), p99: at(sorted, 0.99), max: at(sorted, 1) },
    };
  }
}

async function run({ port, codes, seconds, hasPictures }) {
  const frames = await makeFrames();
  const [pictures, positions] = [new Tally(), new Tally()];
  const endMs = performance.now() + seconds * 1_000;
  const open = [];
  const every = async (pauseMs, send) => {
    // The boxes do not send in step.
    await sleep(Math.random() * pauseMs);
    for (let n = 0; performance.now() < endMs; n += 1) {
      open.push(send(n));
      await sleep(pauseMs);
    }
  };
  await Promise.all(
    codes.flatMap((code) => [
      hasPictures &&
        every(PICTURES_EVERY_MS, (n) => {
          const type = `multipart/form-data; boundary=${BOUNDARY}`;
          const path = '/api/snapshot/postAmbulanceImageUpload';
          return pictures.count(post(port, path, type, pictureBody(code, n, frames)));
        }),
      every(POSITIONS_EVERY_MS, (n) => {
        const type = 'application/x-www-form-urlencoded';
        return positions.count(
          post(port, '/api/tracking/postAmbulanceTracking', type, positionBody(code, n)),
        );
      }),
    ]),
  );
  await Promise.all(open);
  const sizes = frames.map(({ length }) => length);
  return {
    pictures: pictures.result(),
    positions: positions.result(),
    bytes: [Math.min(...sizes), Math.max(...sizes)],
  };
}

process.on('disconnect', () => process.exit());
process.on('message', async (load) => {
  try {
    process.send({ result: await run(load) });
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.send('ready');
