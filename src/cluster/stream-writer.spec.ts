import { beforeEach, describe, expect, it } from '@jest/globals';
import type { BackgroundJobs } from '../core/index.js';
import type { InstanceIdentity } from './instance-identity.js';
import type { Redis, RedisClient } from './redis.js';
import type { StreamMetrics } from './stream-metrics.js';
import { StreamWriter } from './stream-writer.js';

interface Entry {
  readonly n: string;
  readonly w: string;
  readonly e: string;
  readonly x?: string;
}

let entries: Entry[];
/** Ends the write of the oldest entry that is not written yet. */
let pending: { resolve: () => void; reject: (error: Error) => void }[];
let isHeld: boolean;
let writer: StreamWriter;
let nowMs: number;

beforeEach(() => {
  entries = [];
  pending = [];
  isHeld = false;
  nowMs = 1_000;
  const client = {
    xAdd: (_key: string, _id: string, entry: Entry) => {
      entries.push(entry);
      if (!isHeld) return Promise.resolve();
      return new Promise<void>((resolve, reject) => pending.push({ resolve, reject }));
    },
  } as unknown as RedisClient;
  writer = new StreamWriter(
    {
      key: (...parts: string[]) => parts.join(':'),
      run: (use: (client: RedisClient) => Promise<unknown>) => use(client),
    } as unknown as Redis,
    { id: 'a' } as unknown as InstanceIdentity,
    {} as BackgroundJobs,
    { nowMs: () => nowMs },
    { recordWritten: () => undefined, recordLost: () => undefined } as unknown as StreamMetrics,
  );
  writer.setPublishedSource(() => nowMs);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const events = (): unknown[] => entries.flatMap(({ e }) => JSON.parse(e) as [string, unknown][]);
const LARGE = 'x'.repeat(50_000);

describe('StreamWriter', () => {
  it('joins the events of one turn in an entry, in their order', async () => {
    await Promise.all([writer.add('moved', 1), writer.add('moved', 2)]);
    expect(entries).toMatchObject([{ n: '1', w: '1000' }]);
    expect(events()).toEqual([
      ['moved', 1],
      ['moved', 2],
    ]);
  });

  it('gives the time up to which everything is published with the last entry of a split batch', async () => {
    await writer.add('moved', 0);
    nowMs = 2_000;
    await Promise.all([1, 2, 3].map(() => writer.add('moved', LARGE)));
    expect(entries.map(({ n, w }) => [n, w])).toEqual([
      ['1', '1000'],
      ['2', '1000'],
      ['3', '1000'],
      ['4', '2000'],
    ]);
  });

  it('leaves a hole in the numbers for events that it drops while Redis does not answer', async () => {
    isHeld = true;
    void writer.add('moved', 0);
    while (pending.length === 0) await turn();
    for (let n = 0; n < 81; n += 1) void writer.add('moved', LARGE);
    isHeld = false;
    pending[0]?.resolve();
    await writer.add('moved', 'after');
    expect(entries.map(({ n }) => n)).toEqual(['1', '3']);
    expect(events().at(-1)).toEqual(['moved', 'after']);
  });

  it('ends with its last entry after all events, also those added while an entry is written', async () => {
    isHeld = true;
    void writer.add('moved', 1);
    while (pending.length === 0) await turn();
    void writer.add('moved', 2);
    const end = writer.end();
    await turn();
    isHeld = false;
    pending[0]?.resolve();
    await end;
    expect(entries.map(({ n, e, x }) => [n, e, x])).toEqual([
      ['1', '[["moved",1]]', undefined],
      ['2', '[["moved",2]]', undefined],
      ['3', '[]', '1'],
    ]);
  });

  it('does not end as complete while something that was recorded is not published', async () => {
    writer.setPublishedSource(() => nowMs - 1);
    await writer.end();
    expect(entries).toEqual([]);
  });
});
