/**
 * The boxes' picture program: `request`, multipart, two JPEGs every 700 ms without waiting for the answer.
 *
 * Its argument is JSON: `url`, `codes` (of the boxes), `seconds`, `frames` (a directory of JPEGs, two for each post of a box).
 * It prints `ready`, starts with a line on stdin, and prints JSON as positions.py does.
 */
const { readdirSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const request = require('request');

const ROUTE = '/api/snapshot/postAmbulanceImageUpload';
const EVERY_MS = 700;

const { url, codes, seconds, frames } = JSON.parse(process.argv[2]);
const jpegs = readdirSync(frames)
  .sort()
  .map((name) => readFileSync(join(frames, name)));
const result = { statuses: {}, latenciesMs: [], byBox: Object.fromEntries(codes.map((code) => [code, 0])) };

function post(code, time) {
  const camera = (number) => ({
    value: jpegs[2 * time + number - 1],
    options: { filename: `cam${number}.jpg`, contentType: 'image/jpeg' },
  });
  const formData = {
    ID: code,
    ambulance_id: code,
    ambulance_box_code: code,
    images_count: 2,
    Time: time,
    CAM1: camera(1),
    CAM2: camera(2),
  };
  const sentMs = performance.now();
  return new Promise((resolve) => {
    request.post({ url: url + ROUTE, formData }, (error, response) => {
      const outcome = error ? (error.code ?? error.message) : response.statusCode;
      result.latenciesMs.push(performance.now() - sentMs);
      result.statuses[outcome] = (result.statuses[outcome] ?? 0) + 1;
      if (outcome === 200) result.byBox[code] += 1;
      resolve();
    });
  });
}

async function runBox(code) {
  // The boxes do not send in step.
  await sleep(Math.random() * EVERY_MS);
  const startMs = performance.now();
  const posts = [];
  for (let time = 0; time * EVERY_MS < seconds * 1_000; time += 1) {
    await sleep(Math.max(0, startMs + time * EVERY_MS - performance.now()));
    posts.push(post(code, time));
  }
  await Promise.all(posts);
}

process.stdin.once('data', async () => {
  await Promise.all(codes.map(runBox));
  console.log(JSON.stringify(result));
  // Not `exit`: it cuts a long output.
  process.stdin.destroy();
});
console.log('ready');
