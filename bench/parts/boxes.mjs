/**
 * Sixteen old boxes as they really send: pictures every 700 ms and a position a second, each on a new connection. With
 * `--records`, again with that many records of pictures already stored: the figures must stay the same.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import mongoose from 'mongoose';
import { logIn } from '../support/fleet.mjs';
import { ADMIN } from '../support/programs.mjs';
import { roundName } from '../support/statistics.mjs';
import { Table } from '../support/table.mjs';
import { cpuSeconds, rssMb, watchMemory } from '../support/usage.mjs';

const BOXES = 16;
const LEAST_SECONDS = 10;
const WARM_UP_S = 5;
const BATCH = 5_000;
const AIM_MS = 8;
const SCRIPT = fileURLToPath(new URL('../support/box-process.mjs', import.meta.url));

export const about = {
  title: 'Old boxes with pictures',
  text: `${BOXES} boxes, 23 posts of two JPEGs (18–20 kB) and ${BOXES} positions a second. CPU is of the service with its decoder, for one picture post: the difference to the same time with positions only. The aim: at most ${AIM_MS} ms, every post answered within 3 s, and the same figures with \`--records\` pictures stored before.`,
};

export async function run({ programs, revisions, seconds, rounds, values, progress }) {
  const table = new Table({
    title: `${BOXES} boxes for ${Math.max(LEAST_SECONDS, seconds)} s`,
    metrics: [
      { name: 'posts', title: 'picture posts/s', digits: 1 },
      { name: 'serviceMs', title: 'service CPU, ms a picture post', digits: 1, better: 'lower' },
      { name: 'positionsMs', title: 'service CPU with positions only, ms/s', digits: 0 },
      { name: 'databaseMs', title: 'database CPU, ms a picture post', digits: 1, better: 'lower' },
      { name: 'p50Ms', title: 'p50 ms', digits: 0 },
      { name: 'p99Ms', title: 'p99 ms', digits: 0 },
      { name: 'maxMs', title: 'slowest ms', digits: 0 },
      { name: 'failed', title: 'not acknowledged', digits: 0 },
      { name: 'peakMb', title: 'peak memory, MB', digits: 0 },
    ],
  });
  const records = Number(values.records ?? 0);
  for (const revision of revisions)
    for (const stored of records > 0 ? [0, records] : [0]) {
      const subject = await start(programs, revision, stored, progress);
      const { child } = await programs.fork(SCRIPT);
      await load(child, subject, WARM_UP_S, true);
      const idle = await load(child, subject, LEAST_SECONDS, false);
      for (let round = 0; round < rounds; round += 1) {
        const name = `${stored.toLocaleString('en-US')} pictures stored before`;
        progress(`${name}: ${roundName(round, rounds)}, ${revision.name}`);
        const result = await load(child, subject, Math.max(LEAST_SECONDS, seconds), true);
        const cost = (what) => ((result[what] - idle[what]) * 1_000) / result.posts;
        table.add(name, revision.name, {
          ...result,
          ...{ serviceMs: cost('service'), databaseMs: cost('database'), positionsMs: idle.service * 1_000 },
        });
      }
      await programs.stop(child);
      await programs.stop(subject.service.child);
      await programs.stop(subject.database.child);
    }
  return [table];
}

async function start(programs, { name, root }, stored, progress) {
  const database = await programs.startDatabase(root);
  const env = {
    MONGODB_URL: database.urlOf('samserver'),
    IMAGE_DIR: await programs.directory(),
    IMAGE_MIN_FREE_PCT: '0',
    LEGACY_COLLECTIONS: 'write',
  };
  await programs.command(root, env, 'init');
  const service = await programs.startService({ root, env });
  const { api } = await logIn(service.url, ADMIN);
  const boxes = [];
  for (let n = 0; n < BOXES; n += 1) {
    const code = String(300 + n);
    const { id } = await api('POST', 'vehicles', {
      callSign: `Box ${code}`,
      registration: `Box ${code}`,
      type: 'als',
      boxCode: code,
    });
    boxes.push({ id, code });
  }
  if (stored > 0) progress(`${name}: inserting ${stored} records`);
  await insertRecords(env.MONGODB_URL, boxes, stored);
  return { service, database, boxes };
}

/** Records as of earlier posts, of all boxes in turn. */
async function insertRecords(url, boxes, count) {
  const connection = await mongoose.createConnection(url).asPromise();
  const images = connection.collection('images');
  const startS = Math.floor(Date.now() / 1_000) - count;
  for (let first = 0; first < count; first += BATCH)
    await images.insertMany(
      Array.from({ length: Math.min(BATCH, count - first) }, (_, n) =>
        recordOf(boxes[n % BOXES], startS, first + n),
      ),
    );
  await connection.close();
}

function recordOf({ id, code }, startS, n) {
  const vehicleId = new mongoose.Types.ObjectId(id);
  const seconds = startS + n;
  const sha256 = randomBytes(32).toString('hex');
  return {
    _id: new mongoose.Types.ObjectId(seconds.toString(16).padStart(8, '0') + randomBytes(8).toString('hex')),
    vehicleId,
    path: `${code}/2026/1/1/0_0/0_0_${n}.jpg`,
    filename: 'cam1.jpg',
    contentType: 'image/jpeg',
    sizeBytes: 19_000,
    sha256,
    width: 640,
    height: 360,
    origin: 'upload',
    contentKey: `${id}:${sha256}`,
    createdAt: new Date(seconds * 1_000),
  };
}

/** @returns CPU in seconds of each second */
async function load(child, { service, database, boxes }, seconds, hasPictures) {
  const pids = familyOf(service.pid);
  const before = { service: sum(pids, cpuSeconds), database: cpuSeconds(database.pid) };
  const memory = watchMemory(service.pid, 100);
  child.send({ port: service.http, codes: boxes.map(({ code }) => code), seconds, hasPictures });
  const [{ result, error }] = await once(child, 'message');
  if (error) throw new Error(error);
  // Work that follows the answers, such as the collections of the old server.
  await sleep(1_000);
  const peakMb = memory.end();
  // The decoder of before may have ended, and another may have begun.
  const serviceS = sum(familyOf(service.pid), cpuSeconds) - before.service;
  const { pictures, positions } = result;
  const failed = [pictures, positions].reduce(
    (all, { count, statuses }) => all + count - (statuses[200] ?? 0),
    0,
  );
  return {
    posts: pictures.count / seconds,
    service: serviceS / seconds,
    database: (cpuSeconds(database.pid) - before.database) / seconds,
    p50Ms: pictures.latencyMs.p50,
    p99Ms: pictures.latencyMs.p99,
    maxMs: Math.max(pictures.latencyMs.max, positions.latencyMs.max),
    failed,
    peakMb: peakMb + sum(familyOf(service.pid).slice(1), rssMb),
  };
}

/** A process and its children. */
function familyOf(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(join(`/proc/${pid}/task`, thread, 'children'), 'utf8')
      .split(' ')
      .filter((each) => each !== '')
      .map(Number),
  );
  return [pid, ...children];
}

const sum = (pids, of) => pids.reduce((all, pid) => all + of(pid), 0);
