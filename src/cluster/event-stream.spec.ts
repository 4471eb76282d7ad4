import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { type BackgroundJobs, EventBus } from '../core/index.js';
import { EventStream } from './event-stream.js';
import type { InstanceIdentity } from './instance-identity.js';
import type { Redis } from './redis.js';
import type { StreamMetrics } from './stream-metrics.js';
import type { StreamWriter } from './stream-writer.js';

const START_MS = 1_800_000_000_000;
let elapsedMs: number;
let wallMs: number;
/** Gives the reader its next entries. */
let reply: (messages: readonly Record<string, string>[]) => void;
let read: (signal: AbortSignal) => Promise<void>;
let stream: EventStream;
let bus: EventBus;
let missed: string[];
let reading: AbortController;
let ended: Promise<void>;

beforeEach(() => {
  Logger.overrideLogger(false);
  elapsedMs = 0;
  wallMs = START_MS;
  missed = [];
  jest.spyOn(performance, 'now').mockImplementation(() => elapsedMs);
  const client = {
    isOpen: true,
    xRevRange: () => Promise.resolve([]),
    xRead: () =>
      new Promise((resolve) => {
        reply = (messages) => resolve([{ messages: messages.map((message) => ({ id: '1-0', message })) }]);
      }),
    disconnect: () => {
      reply([]);
      return Promise.resolve();
    },
  };
  bus = new EventBus();
  bus.subscribe('cluster.events-missed', ({ reason }) => void missed.push(reason));
  stream = new EventStream(
    { isConfigured: true, key: () => 'events', connectAnother: async () => client } as unknown as Redis,
    { id: 'own' } as unknown as InstanceIdentity,
    { start: () => undefined } as unknown as StreamWriter,
    bus,
    {
      start: (job: { run: typeof read }) => (read = job.run),
    } as unknown as BackgroundJobs,
    { nowMs: () => wallMs },
    {
      observe: () => undefined,
      recordEcho: () => undefined,
      recordReceived: () => undefined,
      recordMissed: () => undefined,
    } as unknown as StreamMetrics,
  );
  stream.onApplicationBootstrap();
});
afterEach(async () => {
  reading.abort();
  await ended;
  jest.restoreAllMocks();
  Logger.overrideLogger(undefined as never);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
async function join(): Promise<void> {
  reading = new AbortController();
  ended = read(reading.signal);
  await turn();
}
async function leave(): Promise<void> {
  reading.abort();
  await ended;
}
let ownNumber = 0;
/** An entry of another instance, and the own one that is written after it. */
async function receive(sequence: number, uptoMs: number, events: unknown[] = []): Promise<void> {
  const entry = { i: 'a', n: String(sequence), w: String(uptoMs), e: JSON.stringify(events) };
  reply([entry, own()]);
  await turn();
}
function own(): Record<string, string> {
  ownNumber += 1;
  return { i: 'own', n: String(ownNumber), w: String(wallMs), t: String(wallMs), e: '[]' };
}
function pass(ms: number): void {
  elapsedMs += ms;
  wallMs += ms;
}
/** Joins for the first time and receives the first entry of the other instance, number 5. */
async function settle(): Promise<void> {
  await join();
  pass(1_000);
  await receive(5, wallMs);
  pass(1_000);
  await receive(6, wallMs);
}

describe('the time up to which everything is published', () => {
  it('is that of the instance that is furthest behind', async () => {
    await settle();
    expect([stream.state, stream.publishedUpToMs]).toEqual(['complete', wallMs]);
    pass(1_000);
    await receive(7, wallMs - 900);
    expect(stream.publishedUpToMs).toBe(wallMs - 900);
  });

  it('is not later than the last own entry that came back', async () => {
    await settle();
    const echoedMs = wallMs;
    pass(1_000);
    reply([{ i: 'a', n: '7', w: String(wallMs), e: '[]' }]);
    await turn();
    expect(stream.publishedUpToMs).toBe(echoedMs);
  });

  it('stays before a hole until storage was read, and is newer afterwards', async () => {
    let finish: (() => void) | undefined;
    bus.subscribe('cluster.events-missed', () => new Promise<void>((resolve) => (finish = resolve)));
    await settle();
    const beforeMs = wallMs;
    pass(1_000);
    await receive(8, wallMs);
    expect([stream.state, stream.publishedUpToMs, missed]).toEqual([
      'catching-up',
      beforeMs,
      ['entry_missing'],
    ]);
    finish?.();
    await turn();
    expect([stream.state, stream.publishedUpToMs]).toEqual(['complete', wallMs]);
  });

  it('stands still while an instance is alive whose entries do not arrive', async () => {
    await settle();
    stream.setAlive(new Set(['a', 'b']));
    const beforeMs = stream.publishedUpToMs;
    pass(1_000);
    await receive(7, wallMs);
    expect(stream.publishedUpToMs).toBeLessThanOrEqual(beforeMs);
    stream.setAlive(new Set(['a']));
    expect(stream.publishedUpToMs).toBe(wallMs);
  });

  it('is that of the reading of storage while an instance is alive whose entries do not arrive', async () => {
    await settle();
    stream.setAlive(new Set(['a', 'b']));
    expect(stream.mustFollowStorage).toBe(true);
    const beforeMs = stream.publishedUpToMs;
    stream.noteFollowed(beforeMs - 1);
    expect(stream.publishedUpToMs).toBe(beforeMs);
    stream.noteFollowed(beforeMs + 5);
    expect(stream.publishedUpToMs).toBe(beforeMs + 5);
  });

  it('stays before the last entry of a lost instance until storage was read behind its loss', async () => {
    const lost: string[] = [];
    bus.subscribe('cluster.instance-lost', ({ ids }) => void lost.push(...ids));
    await settle();
    const beforeMs = stream.publishedUpToMs;
    pass(10_000);
    reply([own()]);
    await turn();
    expect([lost, missed, stream.mustFollowStorage]).toEqual([['a'], [], true]);
    // Its heartbeat has ended.
    stream.setAlive(new Set());
    expect([stream.mustFollowStorage, stream.publishedUpToMs]).toEqual([true, beforeMs]);
    stream.noteFollowed(wallMs);
    stream.setAlive(new Set());
    expect([stream.mustFollowStorage, stream.publishedUpToMs]).toEqual([false, wallMs]);
  });

  it('goes back with a clock that is set back', async () => {
    await settle();
    expect(stream.publishedUpToMs).toBe(wallMs);
    wallMs -= 3_600_000;
    await receive(7, wallMs + 3_600_000);
    expect(stream.publishedUpToMs).toBe(wallMs);
  });
});

describe('a reader that joins again', () => {
  it('reads storage after the first entry of every other instance, because those before can be lost', async () => {
    await settle();
    await leave();
    await join();
    pass(1_000);
    await receive(9, wallMs);
    expect([stream.state, missed]).toEqual(['settling', []]);
    pass(1_000);
    await receive(10, wallMs);
    expect([stream.state, missed]).toEqual(['complete', ['joined']]);
  });

  it('reads storage again when an instance is seen first after that', async () => {
    await settle();
    await leave();
    await join();
    pass(2_000);
    reply([own()]);
    await turn();
    expect(missed).toEqual(['joined']);
    pass(1_000);
    await receive(10, wallMs);
    expect(missed).toEqual(['joined', 'entry_missing']);
  });
});
