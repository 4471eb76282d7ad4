import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Types } from 'mongoose';
import { ApiClient, ApiSession } from '../../src/tools/client/index.js';
import {
  freePorts,
  type Ports,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { writeLargePictureTree } from '../support/large-picture-tree.mjs';
import { OldDatabase } from '../support/old-database.js';
import { cpuSeconds, residentMb } from '../support/process-usage.js';
import { Scrape } from '../support/scrape.js';
import { ADMIN, OPS_TOKEN } from '../support/test-service.js';
import { filesBelow } from '../support/test-volume.js';

/** `npm run soak` sets 500,000. */
const IMAGES = Number(process.env['SAMSERVER_RETENTION_IMAGES'] ?? 4_000);
/** Of a record: the files are smaller, so that they can be written quickly. */
const SIZE = 19_000;
/** Those of the tree. */
const CODES = Array.from({ length: 16 }, (_, n) => String(291 + n));
/** Old pictures that the newest document of a silent vehicle names. */
const SHOWN = 20;
const BATCH = 5_000;
/** Time-out of the boxes. */
const LIMIT_MS = 3_000;
const ROUND_S = 5;
/** Sixteen boxes send so many pictures a second: retention must delete more. */
const SENT_PER_S = 46;
const MAX_MB = 250;
const BOXES = resolve(import.meta.dirname, '../../bench/support/box-process.mjs');
const ADDRESS = 'uploads/ambulance_images/';

/** What `box-process.mjs` measures. */
interface Tally {
  readonly count: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latencyMs: { readonly p99: number; readonly max: number };
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let boxes: ChildProcess | undefined;
let old: OldDatabase | undefined;
const programs: Program[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
});
afterEach(async () => {
  boxes?.kill('SIGKILL');
  await old?.close();
  for (const program of programs.splice(0)) await program.kill('SIGTERM');
  await directory.remove();
});

describe(`retention of ${IMAGES} pictures to half, while ${CODES.length} boxes post`, () => {
  it(
    'delays no post beyond the time-out of the boxes, and deletes nothing that is shown',
    async () => {
      const volume = join(directory.path, 'volume');
      await mkdir(volume);
      const { program: database, url } = await startDatabase(join(directory.path, 'db'));
      programs.push(database);
      const env = {
        MONGODB_URL: url,
        IMAGE_DIR: volume,
        IMAGE_MIN_FREE_PCT: '0',
        LEGACY_COLLECTIONS: 'write',
        DATA_DIR: directory.path,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        JWT_SECRET: 'a secret of the tests, longer than 32 bytes',
        OPS_TOKEN,
        // As in docker/Dockerfile: without limits the heap grows for minutes before a collection.
        NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=128',
      };
      for (const command of [['init'], ['schema', 'up']])
        expect((await Program.start('cli.js', command, env).exited).code).toBe(0);
      const vehicles = await makeVehicles(await startProcess(ports, env));
      old = await OldDatabase.open(url);
      const stored = await storePictures(volume, old, vehicles);
      // Retention runs when ten minutes are over since the last run, which had nothing to do.
      await old.collection('leases').deleteOne({ _id: 'image-retention' } as never);

      const limit = { IMAGE_VOLUME_MAX_BYTES: String((IMAGES / 2) * SIZE) };
      const service = await startProcess(ports, { ...env, ...limit });
      programs.unshift(service);
      const pid = service.child.pid ?? 0;
      const beganMs = performance.now();
      const figures = { posts: 0, failed: 0, maxMs: 0, p99Ms: 0, peakMb: 0 };
      const sampling = setInterval(() => (figures.peakMb = Math.max(figures.peakMb, residentMb(pid))), 200);
      boxes = fork(BOXES);
      await once(boxes, 'message');
      do await post(boxes, figures);
      while (!(await isComplete()));
      const deleted = await deletedBySize();
      const seconds = (performance.now() - beganMs) / 1_000;
      const cpuS = cpuSeconds(pid);
      clearInterval(sampling);
      // The documents of the old server follow the answers.
      await sleep(2_000);
      console.info(
        `${deleted} pictures deleted in at most ${seconds.toFixed(0)} s (${(deleted / seconds).toFixed(0)} a second) beside ` +
          `${figures.posts} posts: ${figures.failed} failed, p99 ${figures.p99Ms.toFixed(0)} ms, max ${figures.maxMs.toFixed(0)} ms; ` +
          `${((cpuS * 100) / seconds).toFixed(0)} % of a processor, peak ${figures.peakMb.toFixed(0)} MB`,
      );

      expect(figures.failed).toBe(0);
      expect(figures.maxMs).toBeLessThan(LIMIT_MS);
      expect(deleted).toBeGreaterThanOrEqual(IMAGES / 2);
      expect(deleted).toBeLessThan(IMAGES / 2 + ROUND_S * SENT_PER_S);
      expect(deleted / seconds).toBeGreaterThan(SENT_PER_S);
      await expectConsistent(volume, old, stored);
      expect(figures.peakMb).toBeLessThan(MAX_MB);
    },
    IMAGES * 5 + 300_000,
  );
});

/** Creates the boxes' vehicles, then stops the service. @returns vehicle ids by box code */
async function makeVehicles(service: Program): Promise<ReadonlyMap<string, string>> {
  const url = `http://127.0.0.1:${ports.http}`;
  const session = new ApiSession(url, ADMIN.email, ADMIN.password);
  const api = new ApiClient(url, { accessToken: session.accessToken });
  const ids = new Map<string, string>();
  for (const code of CODES) {
    const vehicle = { callSign: `B ${code}`, registration: `B ${code}`, type: 'als', boxCode: code } as const;
    ids.set(code, (await api.createVehicle(vehicle)).id);
  }
  await service.kill('SIGTERM');
  return ids;
}

interface StoredPictures {
  /** Paths that documents of `ambulance_images` name. */
  readonly shown: readonly string[];
}

/** Files, records, totals and the documents of the old server, a document for two pictures. */
async function storePictures(
  volume: string,
  old: OldDatabase,
  vehicles: ReadonlyMap<string, string>,
): Promise<StoredPictures> {
  const paths: string[] = [];
  await writeLargePictureTree(volume, IMAGES, undefined, 1, (path) => paths.push(path));
  const totals = new Map<string, number>();
  for (let first = 0; first < paths.length; first += BATCH) {
    const records = paths.slice(first, first + BATCH).map((path, n) => recordOf(path, first + n, vehicles));
    for (const { vehicleId, createdAt } of records) {
      const key = `${vehicleId.toHexString()}:${createdAt.toISOString().slice(0, 10)}`;
      totals.set(key, (totals.get(key) ?? 0) + 1);
    }
    await old.collection('images').insertMany(records);
    await old.collection('ambulance_image_histories').insertMany(historiesOf(records));
  }
  await old.collection('image_totals').insertMany(
    [...totals].map(([_id, count]) => {
      return { _id, count, bytes: count * SIZE, uploadBytes: 0, adoptedBytes: 0, countedAt: new Date() };
    }) as never,
  );
  // Spread over the half that goes.
  const shown = Array.from({ length: SHOWN }, (_, n) => paths[Math.floor((n * IMAGES) / 2 / SHOWN)] ?? '');
  await old
    .collection('ambulance_images')
    .insertMany(
      shown.map((path) => ({ ambulance_id: new Types.ObjectId(), images: { image0: ADDRESS + path } })),
    );
  return { shown };
}

function recordOf(path: string, n: number, vehicles: ReadonlyMap<string, string>) {
  const [code = '', year, month, day, minute = ''] = path.split('/');
  const [hour, min] = minute.split('_').map(Number);
  const createdAt = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day), hour, min, n % 60));
  const seconds = Math.floor(createdAt.getTime() / 1_000).toString(16);
  const sha256 = createHash('sha256').update(path).digest('hex');
  const vehicleId = new Types.ObjectId(vehicles.get(code));
  return {
    _id: new Types.ObjectId(seconds.padStart(8, '0') + sha256.slice(0, 16)),
    ...{ vehicleId, path, filename: 'cam1.jpg', contentType: 'image/jpeg', sizeBytes: SIZE, sha256 },
    ...{
      width: 640,
      height: 360,
      origin: 'upload',
      contentKey: `${vehicleId.toHexString()}:${sha256}`,
      createdAt,
    },
  };
}

/** A document for two pictures of one directory. */
function historiesOf(records: readonly ReturnType<typeof recordOf>[]) {
  const histories = [];
  for (let n = 0; n < records.length; n += 1) {
    const [record, next] = [records[n], records[n + 1]];
    if (!record) break;
    const { _id, vehicleId, path, createdAt } = record;
    const isPair = next !== undefined && dirname(next.path) === dirname(path);
    const images = { image0: ADDRESS + path, ...(isPair && { image1: ADDRESS + next.path }) };
    histories.push({ _id, ambulance_id: vehicleId, images, createdAt, updatedAt: createdAt, __v: 0 });
    if (isPair) n += 1;
  }
  return histories;
}

/** One round of posts of all boxes. */
async function post(
  program: ChildProcess,
  figures: { posts: number; failed: number; maxMs: number; p99Ms: number },
): Promise<void> {
  program.send({ port: ports.http, codes: CODES, seconds: ROUND_S, hasPictures: true });
  const [{ result, error }] = (await once(program, 'message')) as [
    { result: { pictures: Tally; positions: Tally }; error?: string },
  ];
  if (error !== undefined) throw new Error(error);
  for (const { count, statuses, latencyMs } of [result.pictures, result.positions]) {
    figures.posts += count;
    figures.failed += count - (statuses['200'] ?? 0);
    figures.maxMs = Math.max(figures.maxMs, latencyMs.max);
    figures.p99Ms = Math.max(figures.p99Ms, latencyMs.p99);
  }
}

const scrape = () => Scrape.of({ url: `http://127.0.0.1:${ports.http}` });
const deletedBySize = async (): Promise<number> =>
  (await scrape()).value('samserver_image_retention_deleted_total', { reason: 'volume-size' }) ?? NaN;
const isComplete = async (): Promise<boolean> => {
  const labels = { job: 'image-retention', outcome: 'completed' };
  return ((await scrape()).value('samserver_job_runs_total', labels) ?? 0) > 0;
};

/** Every file has its record and every record its file; documents name what exists; nothing that was shown is gone. */
async function expectConsistent(volume: string, old: OldDatabase, { shown }: StoredPictures): Promise<void> {
  const recorded = new Set<string>();
  for await (const { path } of old.collection('images').find()) recorded.add(path as string);
  const files = (await filesBelow(volume)).filter((path) => !path.startsWith('.samserver'));
  expect(files.length).toBe(recorded.size);
  expect(files.filter((path) => !recorded.has(path))).toEqual([]);
  expect(shown.filter((path) => !recorded.has(path))).toEqual([]);
  const namesOf = (document: object): string[] =>
    Object.values((document as { images: Record<string, string> }).images).map((name) =>
      name.replace(ADDRESS, ''),
    );
  const newest = await old.all('ambulance_images');
  expect(newest.length).toBe(SHOWN + CODES.length);
  expect(newest.flatMap(namesOf).filter((path) => !existsSync(join(volume, path)))).toEqual([]);
  const unnamed: unknown[] = [];
  for await (const history of old.collection('ambulance_image_histories').find())
    if (!namesOf(history).some((path) => recorded.has(path))) unnamed.push(history['_id']);
  expect(unnamed).toEqual([]);
}
