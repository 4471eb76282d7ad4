import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mkdir, mkdtemp, readdir, readlink, rename, rm, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '../../../test/support/sockets.js';
import type { Settings } from '../../config/index.js';
import { type BackgroundJobs, EventBus, LagMonitor, Metrics } from '../../core/index.js';
import type { OwedItem, OwedRepository } from '../owed/owed.repository.js';
import type { LegacyRoles } from '../roles/legacy-roles.js';
import type { AmbulanceDirectory } from '../shared-collections/ambulance-directory.js';
import type { CrashCollectionRepository } from '../shared-collections/crash-collection.repository.js';
import type { PostSpool } from '../spool/post-spool.service.js';
import { PostTee } from './post-tee.service.js';
import { TeeMetrics } from './tee-metrics.js';
import type { TeedPost } from './teed-post.js';

Logger.overrideLogger(false);

interface Process {
  readonly tee: PostTee;
  readonly metrics: Metrics;
  readonly run: (name: string) => Promise<void>;
}

const BOXES = 50;

let directory: string;
let nowMs: number;
let maxBytes: number;
let owed: OwedItem[];
/** Owed records that storage takes before it is away. */
let room: number;
let alive: Process[];
/** Owed records in memory while storage takes them. */
let highest: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'samserver-tee-bounds-'));
  [nowMs, maxBytes, owed, room, alive, highest] = [1_800_000_000_000, 1_000_000_000, [], 0, [], 0];
});
afterEach(async () => {
  // What waits for the old server is given up.
  nowMs += 3_600_000;
  for (const { tee } of alive) await tee.onApplicationShutdown();
  await rm(directory, { recursive: true, force: true });
});

/** The old server is away. Most posts of these tests would end it, so they are owed at once. */
async function startProcess(): Promise<Process> {
  const runs = new Map<string, () => Promise<void>>();
  const repository = {
    add: async (item: OwedItem) => {
      if (room <= 0) throw new Error('away');
      room -= 1;
      owed.push(item);
      highest = Math.max(highest, tee['owed']['waiting'].length);
    },
  };
  const metrics = new Metrics();
  const tee = new PostTee(
    { role: 'old' } as LegacyRoles,
    repository as unknown as OwedRepository,
    { isClaimed: true } as PostSpool,
    {} as AmbulanceDirectory,
    {} as CrashCollectionRepository,
    new TeeMetrics(metrics),
    {
      start: (job: { name: string; run: () => Promise<void> }) => void runs.set(job.name, job.run),
    } as unknown as BackgroundJobs,
    new LagMonitor(),
    { nowMs: () => nowMs },
    new EventBus(),
    {
      legacy: { teeUrl: 'http://127.0.0.1:1/', spool: { directory, maxBytes, maxAgeMs: 86_400_000 } },
    } as Settings,
  );
  await tee.onModuleInit();
  const process = { tee, metrics, run: async (name: string) => runs.get(`legacy-tee-${name}`)?.() };
  alive.push(process);
  return process;
}

async function kill({ tee }: Process): Promise<void> {
  alive = alive.filter((each) => each.tee !== tee);
  await tee['lanes'].stop();
  await until(() => tee['owed']['saving'] === null, 'the end of what was begun');
  for (const name of await readdir(join(directory, 'tee')))
    await rm(join(directory, 'tee', name, 'alive'), { force: true });
}

const ending = (n: number, more: Partial<TeedPost> = {}): TeedPost => ({
  id: `id-${n}`,
  kind: 'position',
  boxCode: String(n % BOXES),
  vehicleId: `v${n % BOXES}`,
  receivedAtMs: nowMs,
  recordId: String(n),
  contentType: null,
  ends: 'speed',
  body: Buffer.from(`n=${n}`),
  ...more,
});

/** @returns the highest number of owed records in memory */
async function passAll({ tee }: Process, from: number, to: number): Promise<number> {
  let peak = 0;
  for (let n = from; n < to; n += BOXES * 20) {
    const page = Array.from({ length: Math.min(BOXES * 20, to - n) }, (_, k) => tee.pass(ending(n + k)));
    await Promise.all(page.flatMap(({ isKept, answer }) => [isKept, answer]));
    peak = Math.max(peak, tee['owed']['waiting'].length);
  }
  return peak;
}

/** Runs the job until nothing is owed. */
async function drain({ tee, run }: Process): Promise<void> {
  room = Infinity;
  await until(async () => {
    await run('owed');
    return tee.waiting === 0;
  }, 'nothing owed');
}

function expectOnceAndInOrder(count: number): void {
  expect(new Set(owed.map(({ recordId }) => recordId)).size).toBe(count);
  expect(owed.length).toBe(count);
  const newest = new Map<string, number>();
  const late = owed.filter(({ vehicleId, recordId }) => {
    const isLate = Number(recordId) < (newest.get(vehicleId) ?? -1);
    newest.set(vehicleId, Number(recordId));
    return isLate;
  });
  expect(late).toEqual([]);
}

async function paths(): Promise<string[]> {
  const names = await readdir(join(directory, 'tee'), { recursive: true });
  return names.filter((name) => /seg/.test(name)).map((name) => join(directory, 'tee', name));
}

async function bytesOnDisk(): Promise<number> {
  let sum = 0;
  for (const path of await paths()) sum += (await stat(path)).size;
  return sum;
}

describe('the bounds of the tee', () => {
  it('keeps 1,000 of 20,000 owed records in memory, and storage gets all once and in order', async () => {
    const process = await startProcess();
    const peak = await passAll(process, 0, 20_000);
    await until(() => process.tee['lanes'].count === 0, 'outcomes');
    expect(process.tee.waiting).toBe(20_000);
    expect(peak).toBeLessThanOrEqual(1_000);
    await drain(process);
    expectOnceAndInOrder(20_000);
    expect(highest).toBeLessThanOrEqual(5_000);
    nowMs += 60_001;
    await process.run('segments');
    await until(async () => (await paths()).length === 0, 'no files');
  }, 120_000);

  it('stores records that arrive while others are read back after these', async () => {
    const process = await startProcess();
    await passAll(process, 0, 6_000);
    room = 2_500;
    await process.run('owed');
    const passing = passAll(process, 6_000, 9_000);
    await drain(process);
    await passing;
    await drain(process);
    expectOnceAndInOrder(9_000);
  });

  it('continues after a kill in the middle with a bounded number, and repeats nothing', async () => {
    const first = await startProcess();
    await passAll(first, 0, 6_000);
    room = 2_500;
    await first.run('owed');
    expect(owed.length).toBe(2_500);
    await kill(first);
    const second = await startProcess();
    await second.run('adoption');
    expect([second.tee.waiting, second.tee['owed'].inMemory]).toEqual([3_500, 0]);
    await passAll(second, 6_000, 7_000);
    await drain(second);
    expectOnceAndInOrder(7_000);
    await second.run('adoption');
    nowMs += 60_001;
    await second.run('segments');
    await until(async () => (await paths()).length === 0, 'no files');
  });

  it('stores what is behind a segment that the disk does not give, and that segment when it does', async () => {
    const process = await startProcess();
    await passAll(process, 0, 2_000);
    await until(() => process.tee['owed']['leaving'] === 0, 'marks');
    nowMs += 60_001;
    await process.run('segments');
    await passAll(process, 2_000, 3_000);
    const [marks = ''] = (await paths()).filter((path) => path.endsWith('.marks')).sort();
    await rename(marks, `${marks}.away`);
    await mkdir(marks);
    room = Infinity;
    await until(async () => {
      await process.run('owed');
      return owed.some(({ recordId }) => recordId === '2999');
    }, 'the newest record');
    expect(process.tee.waiting).toBeGreaterThanOrEqual(1_000);
    await rmdir(marks);
    await rename(`${marks}.away`, marks);
    await drain(process);
    expect(new Set(owed.map(({ recordId }) => recordId)).size).toBe(3_000);
  });

  it('takes over as many waiting posts of an earlier process as there is room for, and owes the others', async () => {
    const waiting = (n: number): TeedPost =>
      ending(n, { ends: null, kind: 'picture', boxCode: '1', body: Buffer.alloc(3_000_000) });
    const first = await startProcess();
    for (let n = 0; n < 2; n += 1) await first.tee.pass(waiting(n)).isKept;
    await kill(first);
    const second = await startProcess();
    await second.tee.pass(waiting(2)).isKept;
    await second.run('adoption');
    expect([second.tee['lanes'].count, second.tee['owed'].count]).toEqual([2, 1]);
    room = 1;
    await until(async () => {
      await second.run('owed');
      return owed.length === 1;
    }, 'the owed record');
    expect(owed).toMatchObject([{ recordId: '1', reason: 'tee: refused' }]);
  });

  it('keeps posts without their bodies when the directory is full, and with them when it has room again', async () => {
    maxBytes = 400_000;
    const process = await startProcess();
    const body = Buffer.alloc(20_000);
    for (let n = 0; n < 100; n += 1) await process.tee.pass(ending(n, { body })).isKept;
    await until(() => process.tee['owed'].count === 100, 'outcomes');
    expect(process.tee.issues).toEqual(['tee.disk']);
    expect(await bytesOnDisk()).toBeLessThan(maxBytes);
    // Also after a kill all are known.
    await kill(process);
    const second = await startProcess();
    await second.run('adoption');
    expect(second.tee.waiting).toBe(100);
    await second.tee.pass(ending(100, { body })).isKept;
    await second.run('segments');
    expect(second.tee.issues).toEqual(['tee.disk']);
    await drain(second);
    await second.run('segments');
    expect([second.tee.issues, owed.length]).toEqual([[], 101]);
    await second.tee.pass(ending(101, { body })).isKept;
    expect(await bytesOnDisk()).toBeGreaterThan(20_000);
  });

  it('counts what neither storage nor the disk nor the memory takes', async () => {
    maxBytes = 100;
    const process = await startProcess();
    await passAll(process, 0, 10_500);
    await until(() => process.tee.waiting === 10_000, 'dropped records');
    expect(await process.metrics.text()).toContain('legacy_tee_owed_lost_total{post="position"} 500');
    await drain(process);
    expect(owed.length).toBe(10_000);
  });

  it('has a bounded number of open files, whatever the number of segments', async () => {
    const process = await startProcess();
    const body = Buffer.alloc(4_000_000);
    for (let n = 0; n < 8; n += 1) await process.tee.pass(ending(n, { body })).isKept;
    await until(async () => (await paths()).filter((path) => path.endsWith('.marks')).length === 8, 'marks');
    const open = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    expect(open.filter((path) => path.startsWith(directory)).length).toBeLessThanOrEqual(2);
  });
});
