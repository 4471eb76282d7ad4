import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../../config/index.js';
import { type BackgroundJobs, LagMonitor, Metrics } from '../../core/index.js';
import {
  type DatabaseConnection,
  type DeploymentIdService,
  storageUnavailable,
} from '../../database/index.js';
import type { BoxPost, PicturePost, PositionPost } from './box-post.js';
import type { BoxPostWriter, WriteResult } from './box-post-writer.js';
import { PostSpool } from './post-spool.service.js';
import { SpoolDrainer } from './spool-drainer.js';
import { SpoolMetrics } from './spool-metrics.js';

Logger.overrideLogger(false);

/** Storage: what it has, and what it does with the next request. */
class Storage {
  readonly stored: string[] = [];
  mode: 'works' | 'away' | 'refuses' = 'works';
  /** Holds each request back while it is set. */
  stall: Promise<void> | null = null;
  /** Number of requests that it takes. */
  failsAfter = Infinity;
  largestBatch = 0;

  async write(post: BoxPost): Promise<WriteResult> {
    await this.stall;
    if (this.mode === 'away' || this.stored.length >= this.failsAfter) throw storageUnavailable();
    if (this.mode === 'refuses' && post.vehicleId === 'bad') throw new Error('no');
    if (!this.stored.includes(post.id)) this.stored.push(post.id);
    return 'taken';
  }

  async writePositions(posts: readonly PositionPost[]): Promise<WriteResult> {
    this.largestBatch = Math.max(this.largestBatch, posts.length);
    if (this.mode === 'refuses' && posts.some(({ vehicleId }) => vehicleId === 'bad')) throw new Error('no');
    for (const post of posts) await this.write(post);
    return 'taken';
  }
}

interface Process {
  readonly spool: PostSpool;
  readonly metrics: Metrics;
  /** One run of a job. */
  readonly run: (name: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

let directory: string;
let storage: Storage;
let nowMs: number;
let hasStarted: boolean;
let deploymentId: string | null;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'samserver-spool-'));
  storage = new Storage();
  [nowMs, hasStarted, deploymentId] = [1_800_000_000_000, true, null];
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

async function startProcess(maxBytes = 1_000_000): Promise<Process> {
  const runs = new Map<string, (signal: AbortSignal) => Promise<void>>();
  const jobs = {
    start: ({ name, run }: { name: string; run: (signal: AbortSignal) => Promise<void> }) =>
      void runs.set(name, run),
  } as unknown as BackgroundJobs;
  const database = {
    get hasStarted() {
      return hasStarted;
    },
    whenStarted: async () => true,
  } as unknown as DatabaseConnection;
  const settings = { legacy: { spool: { directory, maxBytes, maxAgeMs: 3_600_000 } } } as unknown as Settings;
  const metrics = new Metrics();
  const spoolMetrics = new SpoolMetrics(metrics);
  const writer = storage as unknown as BoxPostWriter;
  const clock = { nowMs: () => nowMs };
  const spool = new PostSpool(writer, database, spoolMetrics, jobs, new LagMonitor(), clock, settings);
  const deployment = { find: async () => deploymentId } as unknown as DeploymentIdService;
  await spool.onModuleInit();
  new SpoolDrainer(spool, writer, database, deployment, spoolMetrics, jobs).onApplicationBootstrap();
  return {
    spool,
    metrics,
    run: async (name) => runs.get(name)?.(new AbortController().signal),
    stop: () => spool.onApplicationShutdown(),
  };
}

const DIRECT = { origin: 'direct', requestId: null } as const;
const position = (n: number, vehicleId = 'v'): PositionPost => ({
  kind: 'position',
  ...DIRECT,
  id: `p${n}`,
  vehicleId,
  timeMs: nowMs + n,
  receivedAtMs: nowMs + n,
  fields: { ambulance_id: '291', tracking_latitude: String(n) },
});
const picture = (id: string, sizeBytes: number, vehicleId = 'v'): PicturePost => ({
  kind: 'picture',
  ...DIRECT,
  id,
  vehicleId,
  receivedAtMs: nowMs,
  boxCode: '291',
  fields: {},
  files: [{ filename: 'a.jpg', bytes: Buffer.alloc(sizeBytes, 7) }],
});
const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `p${from + n}`);
const DRAIN = 'legacy-spool-position';

describe('the spool', () => {
  it('is not used while storage answers', async () => {
    const { spool } = await startProcess();
    expect(await spool.submit(position(0))).toBe('taken');
    expect([storage.stored, spool.sizeBytes]).toEqual([['p0'], 0]);
  });

  it('takes what storage does not take, and all that follows until it is empty', async () => {
    const { spool, run } = await startProcess();
    storage.mode = 'away';
    for (let n = 0; n < 600; n += 1) expect(await spool.submit(position(n))).toBe('spooled');
    await expect(run(DRAIN)).rejects.toThrow();
    storage.mode = 'works';
    expect(await spool.submit(position(600))).toBe('spooled');
    expect(storage.stored).toEqual([]);
    await run(DRAIN);
    expect(storage.stored).toEqual(ids(0, 601));
    // Storage may be slow after an outage, so the batches grow.
    expect(storage.largestBatch).toBeLessThanOrEqual(500);
    expect(await spool.submit(position(601))).toBe('taken');
    expect([spool.sizeBytes, spool.lagMs]).toEqual([0, 0]);
  });

  it('takes a request that storage keeps waiting for a second, and stores it once', async () => {
    const { spool, run } = await startProcess();
    let answer = (): void => undefined;
    storage.stall = new Promise((settle) => (answer = settle));
    expect(await spool.submit(position(0))).toBe('spooled');
    storage.stall = null;
    const draining = run(DRAIN);
    answer();
    await draining;
    expect(storage.stored).toEqual(['p0']);
    expect(spool.sizeBytes).toBe(0);
  });

  it('continues behind the last stored request when storage fails in between', async () => {
    const { spool, run } = await startProcess();
    storage.mode = 'away';
    for (let n = 0; n < 10; n += 1) await spool.submit(position(n));
    storage.mode = 'works';
    storage.failsAfter = 3;
    await expect(run(DRAIN)).rejects.toThrow();
    expect(storage.stored).toEqual(ids(0, 3));
    storage.failsAfter = Infinity;
    await run(DRAIN);
    expect(storage.stored).toEqual(ids(0, 10));
  });

  it('takes requests before the first answer of the database', async () => {
    hasStarted = false;
    const { spool } = await startProcess();
    expect(await spool.submit(position(0))).toBe('spooled');
    expect(storage.stored).toEqual([]);
  });

  it('gives files back as they arrived', async () => {
    const { spool, run } = await startProcess();
    storage.mode = 'away';
    const sent = picture('a', 1_000);
    await spool.submit(sent);
    storage.mode = 'works';
    const written: BoxPost[] = [];
    jest.spyOn(storage, 'write').mockImplementation(async (post) => {
      written.push(structuredClone(post));
      return 'taken';
    });
    await run('legacy-spool-picture');
    expect(written).toEqual([sent]);
  });
});

describe('a request that storage refuses', () => {
  it('is set aside, does not hold up the others, and is tried again by the next process', async () => {
    const first = await startProcess();
    storage.mode = 'away';
    for (let n = 0; n < 6; n += 1) await first.spool.submit(position(n, n === 2 ? 'bad' : 'v'));
    storage.mode = 'refuses';
    await first.run(DRAIN);
    expect(storage.stored).toEqual(['p0', 'p1', 'p3', 'p4', 'p5']);
    expect(first.spool.count('set-aside')).toBe(1);
    await first.run('legacy-spool-set-aside');
    expect(await first.spool.submit(position(6))).toBe('taken');
    await first.stop();

    const second = await startProcess();
    await second.run('legacy-spool-adoption');
    await second.run('legacy-spool-set-aside');
    expect(second.spool.count('set-aside')).toBe(1);
    await second.stop();
    storage.mode = 'works';
    const third = await startProcess();
    await third.run('legacy-spool-adoption');
    await third.run('legacy-spool-set-aside');
    expect(storage.stored).toEqual(['p0', 'p1', 'p3', 'p4', 'p5', 'p6', 'p2']);
    expect(third.spool.count('set-aside')).toBe(0);
  });
});

describe('limits of the spool', () => {
  beforeEach(() => {
    storage.mode = 'away';
  });
  const outcomeOf = (post: BoxPost, { spool }: Process): Promise<string> =>
    spool.submit(post).catch((error: { code: string }) => error.code);

  it('leave the last tenth to positions and crashes, and a vehicle a quarter', async () => {
    const process = await startProcess(100_000);
    const outcomes: string[] = [];
    for (const vehicleId of ['a', 'b', 'c', 'd', 'e'])
      for (const n of [1, 2, 3])
        outcomes.push(await outcomeOf(picture(vehicleId + n, 10_000, vehicleId), process));
    const refused = 'storage/unavailable';
    const [two, none] = [
      ['spooled', 'spooled', refused],
      [refused, refused, refused],
    ];
    expect(outcomes).toEqual([...two, ...two, ...two, ...two, ...none]);
    expect(process.spool.issues).toEqual(['legacy-spool.full']);
    expect(await outcomeOf(position(0), process)).toBe('spooled');
    const text = await process.metrics.text();
    expect(text).toContain('samserver_legacy_spool_refused_total{reason="share"} 3');
    expect(text).toContain('samserver_legacy_spool_refused_total{reason="full"} 4');
  });

  it('are not those of what was stored', async () => {
    const process = await startProcess(100_000);
    for (let n = 0; n < 20; n += 1) {
      storage.mode = 'away';
      expect(await outcomeOf(picture(`a${n}`, 20_000, 'a'), process)).toBe('spooled');
      storage.mode = 'works';
      await process.run('legacy-spool-picture');
    }
    expect(storage.stored).toHaveLength(20);
  });

  it('end further requests when the oldest is too old, and discard none', async () => {
    const process = await startProcess();
    await process.spool.submit(position(0));
    // A clock that was set back makes nothing older.
    nowMs -= 86_400_000;
    expect(await outcomeOf(position(1), process)).toBe('spooled');
    nowMs += 2 * 86_400_000;
    expect(await outcomeOf(position(2), process)).toBe('storage/unavailable');
    storage.mode = 'works';
    await process.run(DRAIN);
    expect(storage.stored).toEqual(['p0', 'p1']);
  });

  it('leave requests to storage when it answers again and the disk does not', async () => {
    const process = await startProcess();
    await process.spool.submit(position(0));
    storage.mode = 'works';
    jest
      .spyOn(process.spool.queues, 'append')
      .mockRejectedValue(Object.assign(new Error('full'), { code: 'ENOSPC' }));
    expect(await outcomeOf(position(1), process)).toBe('taken');
    await process.run(DRAIN);
    expect(storage.stored).toEqual(['p1', 'p0']);
  });

  it('answer in time when the disk stalls', async () => {
    const process = await startProcess();
    jest.spyOn(process.spool.queues, 'append').mockImplementation(() => new Promise(() => undefined));
    expect(await outcomeOf(position(0), process)).toBe('storage/unavailable');
    expect(await process.metrics.text()).toContain('samserver_legacy_spool_refused_total{reason="disk"} 1');
  });
});

describe('what a process has left', () => {
  it('is stored by another one, from a file with a changed byte all but the request there', async () => {
    storage.mode = 'away';
    const first = await startProcess();
    for (let n = 0; n < 5; n += 1) await first.spool.submit(position(n));
    await first.stop();
    const segments = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.seg'));
    expect(segments).toHaveLength(1);
    const path = join(directory, segments[0] as string);
    const bytes = await readFile(path);
    const at = bytes.indexOf('"p2"');
    bytes[at + 1] = 0x71;
    await writeFile(path, bytes);

    const second = await startProcess();
    await second.run('legacy-spool-adoption');
    expect(second.spool.count('position')).toBe(4);
    storage.mode = 'works';
    await second.run(DRAIN);
    expect(storage.stored).toEqual(['p0', 'p1', 'p3', 'p4']);
    expect(await second.metrics.text()).toContain('samserver_legacy_spool_damaged_total 1');
    await second.run('legacy-spool-adoption');
    await second.stop();
    expect(await readdir(directory)).toEqual([]);
  });

  it('does not get into the database of another deployment', async () => {
    deploymentId = 'one';
    const first = await startProcess();
    await first.run(DRAIN);
    storage.mode = 'away';
    await first.spool.submit(position(0));
    await first.stop();
    [storage.mode, deploymentId] = ['works', 'two'];
    const second = await startProcess();
    await second.run('legacy-spool-adoption');
    await second.run(DRAIN);
    expect(storage.stored).toEqual([]);
    expect([second.spool.count('position'), second.spool.issues]).toEqual([1, ['legacy-spool.foreign']]);
    expect(await second.spool.submit(position(1))).toBe('taken');
  });

  it('goes on in a new directory when another process has taken the own one', async () => {
    storage.mode = 'away';
    const first = await startProcess();
    await first.spool.submit(position(0));
    const [name = ''] = await readdir(directory);
    // As when this process was suspended, and the other one found its directory unchanged.
    await rm(join(directory, name, 'alive'));
    const second = await startProcess();
    await second.run('legacy-spool-adoption');
    const more = await Promise.all([1, 2, 3].map((n) => first.spool.submit(position(n))));
    expect(more).toEqual(['spooled', 'spooled', 'spooled']);
    expect([first.spool.count('position'), second.spool.count('position')]).toEqual([3, 1]);
    storage.mode = 'works';
    await second.run(DRAIN);
    await first.run(DRAIN);
    expect(storage.stored).toEqual(ids(0, 4));
  });
});
