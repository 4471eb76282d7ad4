import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
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

interface Received {
  readonly path: string;
  readonly type: string | undefined;
  readonly hop: string | undefined;
  readonly body: string;
}

/** The old server: what it received, and what it does with the next request. */
class OldSide {
  readonly received: Received[] = [];
  mode: 'answers' | 'breaks' | 'holds' | 'fails' = 'answers';
  probes = 0;
  private readonly open: (() => void)[] = [];
  private server: Server | null = null;
  port = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.take(request, response));
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = null;
    if (!server) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  answerHeld(): void {
    this.mode = 'answers';
    for (const answer of this.open.splice(0)) answer();
  }

  private async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET') {
      this.probes += 1;
      response.end('up');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '', headers } = request;
    const hop = headers['x-samserver-hop'] as string | undefined;
    this.received.push({
      path: url,
      type: headers['content-type'],
      hop,
      body: Buffer.concat(chunks).toString(),
    });
    const answer = (): void => void response.end('{"success":true}');
    if (this.mode === 'answers') answer();
    if (this.mode === 'holds') this.open.push(answer);
    if (this.mode === 'breaks') request.socket.destroy();
    if (this.mode === 'fails') response.writeHead(500).end();
  }
}

interface Process {
  readonly tee: PostTee;
  readonly metrics: Metrics;
  readonly run: (name: string) => Promise<void>;
}

let directory: string;
let old: OldSide;
let nowMs: number;
let role: 'old' | 'samserver';
let owed: OwedItem[];
let isStorageAway: boolean;
let maxBytes: number;
let storedCrashes: string[];
let events: EventBus;
let processes: Process[];
let count = 0;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'samserver-tee-'));
  old = new OldSide();
  await old.start();
  [nowMs, role, owed, isStorageAway, storedCrashes] = [1_800_000_000_000, 'old', [], false, []];
  maxBytes = 1_000_000_000;
  [events, processes] = [new EventBus(), []];
});
afterEach(async () => {
  jest.restoreAllMocks();
  old.answerHeld();
  for (const { tee } of processes) {
    // What waits is given up.
    nowMs += 3_600_000;
    role = 'samserver';
    events.publish('legacy-roles.adopted', null);
    nowMs += 3_600_000;
    await tee.onApplicationShutdown();
  }
  await old.stop();
  await rm(directory, { recursive: true, force: true });
});

async function startProcess(): Promise<Process> {
  const runs = new Map<string, (signal: AbortSignal) => Promise<void>>();
  const jobs = {
    start: ({ name, run }: { name: string; run: (signal: AbortSignal) => Promise<void> }) =>
      void runs.set(name, run),
  } as unknown as BackgroundJobs;
  const repository = {
    add: async (item: OwedItem) => {
      if (isStorageAway) throw new Error('away');
      owed.push(item);
    },
  } as unknown as OwedRepository;
  const roles = {
    get role() {
      return role;
    },
  } as LegacyRoles;
  const ambulances = { resolve: async (ids: string[]) => new Map(ids.map((id) => [id, id])) };
  const crashes = {
    hasAnySince: async (id: string) => {
      if (isStorageAway) throw new Error('away');
      return storedCrashes.includes(id);
    },
  };
  const settings = {
    legacy: { teeUrl: `http://127.0.0.1:${old.port}/`, spool: { directory, maxBytes, maxAgeMs: 86_400_000 } },
  } as Settings;
  const metrics = new Metrics();
  const tee = new PostTee(
    roles,
    repository,
    { isClaimed: true } as PostSpool,
    ambulances as unknown as AmbulanceDirectory,
    crashes as unknown as CrashCollectionRepository,
    new TeeMetrics(metrics),
    jobs,
    new LagMonitor(),
    { nowMs: () => nowMs },
    events,
    settings,
  );
  await tee.onModuleInit();
  const process = {
    tee,
    metrics,
    run: async (name: string) => runs.get(`legacy-tee-${name}`)?.(new AbortController().signal),
  };
  processes.push(process);
  return process;
}

/** What is on the disk of a process at a kill. */
async function killed({ tee }: Process): Promise<void> {
  processes = processes.filter((each) => each.tee !== tee);
  await tee['lanes'].stop();
  const root = join(directory, 'tee');
  for (const name of await readdir(root)) await rm(join(root, name, 'alive'), { force: true });
}

const post = (n: number, more: Partial<TeedPost> = {}): TeedPost => ({
  id: `id-${n}-${(count += 1)}`,
  kind: 'position',
  boxCode: '291',
  vehicleId: 'v1',
  receivedAtMs: nowMs,
  recordId: String(n),
  contentType: 'application/x-www-form-urlencoded',
  ends: null,
  body: Buffer.from(`n=${n}`),
  ...more,
});
const crash = (n: number, more: Partial<TeedPost> = {}): TeedPost => post(n, { kind: 'crash', ...more });
const bodies = (): string[] => old.received.map(({ body }) => body);
const files = async (): Promise<string[]> =>
  (await readdir(join(directory, 'tee'), { recursive: true })).filter((name) => /seg/.test(name));

async function outcomes({ metrics }: Process): Promise<Record<string, number>> {
  const lines = (await metrics.text()).matchAll(
    /legacy_tee_posts_total\{post="(\w+)",outcome="(\w+)"\} (\d+)/g,
  );
  return Object.fromEntries(
    [...lines].flatMap(([, kind, outcome, n]) => (n === '0' ? [] : [[`${kind} ${outcome}`, Number(n)]])),
  );
}

describe('the tee', () => {
  it('passes a post on as the box sent it, once, with a mark against loops, and keeps nothing', async () => {
    const { tee } = await startProcess();
    const passing = tee.pass(post(1));
    expect(await passing.answer).toMatchObject({ status: 200, body: Buffer.from('{"success":true}') });
    await passing.isKept;
    expect(old.received).toEqual([
      {
        path: '/api/tracking/postAmbulanceTracking',
        type: 'application/x-www-form-urlencoded',
        hop: '1',
        body: 'n=1',
      },
    ]);
    await until(() => tee.waiting === 0, 'a settled post');
    expect(owed).toEqual([]);
  });

  it('keeps the order of a box while the old server is away, and no box waits for another one', async () => {
    const { tee } = await startProcess();
    old.mode = 'holds';
    tee.pass(post(1));
    await until(() => old.received.length === 1, 'the first post');
    tee.pass(post(2));
    tee.pass(post(3, { boxCode: '292' }));
    await until(() => old.received.length === 2, 'the post of the other box');
    expect(bodies()).toEqual(['n=1', 'n=3']);
    old.answerHeld();
    await until(() => old.received.length === 3, 'the second post');
    await old.stop();
    tee.pass(post(4));
    tee.pass(post(5));
    await old.start();
    await until(() => old.received.length === 5, 'the posts after the restart');
    expect(bodies().slice(2)).toEqual(['n=2', 'n=4', 'n=5']);
  });

  it('sends nothing while it is paused, and owes what waits as soon as the role has changed', async () => {
    const { tee } = await startProcess();
    old.mode = 'holds';
    const before = tee.pass(post(1));
    await until(() => old.received.length === 1, 'the first post');
    await tee.pause(20_000);
    tee.pass(post(2));
    tee.pass(crash(3));
    expect(tee).toMatchObject({ state: 'paused', inFlight: 1, waiting: 3 });
    old.answerHeld();
    expect(await before.answer).toMatchObject({ status: 200 });
    await until(() => tee.inFlight === 0, 'the end of the request');
    role = 'samserver';
    events.publish('legacy-roles.adopted', null);
    nowMs += 1;
    await until(() => tee.waiting === 0, 'no waiting post');
    expect(owed.map(({ recordId }) => recordId).sort()).toEqual(['2', '3']);
    expect(bodies()).toEqual(['n=1']);
  });

  it('sends again when a pause was not ended, and when the old server has the role again', async () => {
    const { tee } = await startProcess();
    await tee.pause(20_000);
    tee.pass(crash(1));
    nowMs += 20_001;
    await until(() => old.received.length === 1, 'the post after the pause');
    storedCrashes.push('v1');
    await tee.pause(20_000);
    tee.pass(post(2, { boxCode: '292' }));
    events.publish('legacy-roles.adopted', null);
    await until(() => bodies().includes('n=2'), 'the post after the change of the role');
  });

  it('gives up a position after 10 s and a picture after 60 s, and owes them', async () => {
    const process = await startProcess();
    const { tee } = process;
    await old.stop();
    tee.pass(post(1));
    tee.pass(post(2, { kind: 'picture' }));
    tee.pass(crash(3));
    nowMs += 10_001;
    await until(() => owed.length === 1, 'the position');
    nowMs += 5_000;
    expect(tee.issues).toEqual(['tee.stalled']);
    nowMs += 45_000;
    await until(() => owed.length === 2, 'the picture');
    expect(owed).toMatchObject([
      { kind: 'position', vehicleId: 'v1', recordId: '1', reason: 'tee: expired' },
      { kind: 'picture', recordId: '2' },
    ]);
    await old.start();
    await until(() => tee.waiting === 0, 'the crash');
    expect(bodies()).toEqual(['n=3']);
    expect(await outcomes(process)).toEqual({
      'position expired': 1,
      'picture expired': 1,
      'crash taken': 1,
    });
  });

  it.each(['breaks', 'fails'] as const)(
    'does not repeat a post whose answer is lost: the old server %s',
    async (mode) => {
      const process = await startProcess();
      old.mode = mode;
      expect((await process.tee.pass(post(1)).answer)?.status).toBe(mode === 'fails' ? 500 : undefined);
      old.mode = 'answers';
      await process.tee.pass(post(2)).answer;
      expect(bodies()).toEqual(['n=1', 'n=2']);
      expect(await outcomes(process)).toEqual({ 'position uncertain': 1, 'position taken': 1 });
      expect(owed).toMatchObject([{ recordId: '1', reason: 'tee: uncertain' }]);
    },
  );

  it.each([true, false])(
    'looks for a crash whose answer is lost, and repeats it when it is not there (there: %p)',
    async (isThere) => {
      const process = await startProcess();
      old.mode = 'breaks';
      const { answer } = process.tee.pass(crash(1));
      await until(() => old.received.length === 1, 'the crash');
      old.mode = 'answers';
      if (isThere) storedCrashes.push('v1');
      await answer;
      expect(bodies()).toEqual(isThere ? ['n=1'] : ['n=1', 'n=1']);
      expect(await outcomes(process)).toEqual({ 'crash taken': 1 });
    },
  );

  it('sends nothing after a crash until the old server answers, and several reports of one crash once', async () => {
    const { tee } = await startProcess();
    await tee.pass(crash(1)).answer;
    await old.stop();
    void tee.pass(crash(2, { recordId: '1' }));
    tee.pass(post(3));
    expect(tee.state).toBe('held');
    await old.start();
    await until(() => old.received.length === 2, 'the position');
    expect(bodies()).toEqual(['n=1', 'n=3']);
    expect(old.probes).toBeGreaterThan(0);
  });

  it('withholds a post that ends the old server, and owes it', async () => {
    const process = await startProcess();
    expect(await process.tee.pass(post(1, { ends: 'speed' })).answer).toBeNull();
    await process.tee.pass(post(2)).answer;
    expect(bodies()).toEqual(['n=2']);
    expect(owed).toMatchObject([{ recordId: '1', reason: 'tee: withheld' }]);
  });

  it('refuses posts of a box beyond its share of the memory, and owes them', async () => {
    const process = await startProcess();
    await old.stop();
    const body = Buffer.alloc(3_000_000);
    for (let n = 0; n < 3; n += 1) process.tee.pass(post(n, { kind: 'picture', body }));
    process.tee.pass(post(3, { boxCode: '292', body }));
    await until(() => owed.length === 1, 'an owed record');
    expect(owed).toMatchObject([{ kind: 'picture', recordId: '2', reason: 'tee: refused' }]);
  });

  it.each([
    ['without their bodies', 2_000],
    ['without a file', 100],
  ])('passes posts on as before when the directory is full, %s', async (_, size) => {
    maxBytes = size;
    const process = await startProcess();
    const sent = process.tee.pass(post(1, { body: Buffer.alloc(1_700, 'x') }));
    expect(await sent.answer).toMatchObject({ status: 200 });
    expect(process.tee.issues).toEqual(['tee.disk']);
    expect([old.received[0]?.body.length, (await sent.isKept) !== null]).toEqual([1_700, size === 2_000]);
    expect(await outcomes(process)).toEqual({ 'position taken': 1 });
  });

  it('gives up what waits 10 s after this service got the role', async () => {
    const { tee } = await startProcess();
    await old.stop();
    tee.pass(crash(1));
    expect(tee.isActive).toBe(true);
    role = 'samserver';
    events.publish('legacy-roles.adopted', null);
    expect(tee.isActive).toBe(false);
    nowMs += 10_001;
    await until(() => owed.length === 1, 'an owed crash');
  });
});

describe('a kill of the process', () => {
  it('leaves posts to the next one: what was not sent is sent, what has no answer is uncertain, the rest is done', async () => {
    const first = await startProcess();
    const done = first.tee.pass(post(1));
    await Promise.all([done.answer, done.isKept]);
    old.mode = 'holds';
    const sent = first.tee.pass(post(2));
    await until(() => old.received.length === 2, 'the second post');
    const waiting = [first.tee.pass(post(3)), first.tee.pass(post(4))];
    await Promise.all([sent, ...waiting].map(({ isKept }) => isKept));
    // The process ends: what it would do with the answer is not on the disk.
    const settled = jest.spyOn(first.tee['store'], 'mark').mockResolvedValue(null);
    const stopped = killed(first);
    isStorageAway = true;
    await old.stop();
    await stopped;
    settled.mockRestore();
    await old.start();
    isStorageAway = false;
    old.mode = 'answers';
    const second = await startProcess();
    await second.run('adoption');
    await until(() => second.tee.waiting === 0, 'settled posts');
    expect(bodies()).toEqual(['n=1', 'n=2', 'n=3', 'n=4']);
    expect(owed).toMatchObject([{ recordId: '2', reason: 'tee: uncertain' }]);
    await second.run('adoption');
    await until(async () => (await files()).length === 0, 'no files');
  });

  it('gives up a post of the process before that is older than one that was sent already', async () => {
    const first = await startProcess();
    await old.stop();
    await first.tee.pass(post(1)).isKept;
    await killed(first);
    await old.start();
    const second = await startProcess();
    nowMs += 1_000;
    await second.tee.pass(post(2)).answer;
    await second.run('adoption');
    await until(() => owed.length === 1, 'the owed position');
    expect([bodies(), owed[0]?.recordId]).toEqual([['n=2'], '1']);
  });

  it('passes on no post for which there was no memory', async () => {
    const first = await startProcess();
    jest.spyOn(first.tee['lanes'], 'hasRoomFor').mockReturnValue(false);
    jest.spyOn(first.tee['store'], 'mark').mockResolvedValue(null);
    isStorageAway = true;
    await first.tee.pass(post(1)).isKept;
    await killed(first);
    isStorageAway = false;
    const second = await startProcess();
    await second.run('adoption');
    await until(() => owed.length === 1, 'the owed record');
    expect([bodies(), owed[0]?.reason]).toEqual([[], 'tee: refused']);
  });

  it('does not forget an owed record that storage did not take', async () => {
    const first = await startProcess();
    isStorageAway = true;
    await first.tee.pass(post(1, { ends: 'speed' })).answer;
    await first.tee['store'].close();
    await killed(first);
    isStorageAway = false;
    const second = await startProcess();
    await second.run('adoption');
    await until(() => owed.length === 1, 'the owed record');
    expect(owed).toMatchObject([{ recordId: '1', reason: 'tee: withheld' }]);
  });
});
