import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { DurableQueue } from './durable-queue.js';
import type { QueueRecord } from './record-format.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'samserver-queue-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const record = (n: number): QueueRecord => ({
  key: 'a',
  atMs: 1_000 + n,
  payload: Buffer.from(`record ${n}`),
});
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
const numbersIn = (records: readonly QueueRecord[]): number[] =>
  records.map(({ payload }) => Number(payload.toString().slice(7)));

/** All records, in the order of the reader. */
async function drain(queue: DurableQueue): Promise<number[]> {
  const all: number[] = [];
  for (let each = await queue.readOldest(); each; each = await queue.readOldest()) {
    all.push(...numbersIn(each.records));
    await queue.removeOldest();
  }
  return all;
}

describe('a durable queue', () => {
  it('gives records in the order of their arrival, over several segments, and leaves no file', async () => {
    const queue = new DurableQueue({ directory, segmentBytes: 200 });
    expect(queue.isEmpty).toBe(true);
    await Promise.all(range(0, 50).map((n) => queue.append(record(n))));
    expect((await readdir(directory)).length).toBeGreaterThan(5);
    expect([queue.count, queue.oldestMs, queue.isEmpty]).toEqual([50, 1_000, false]);
    expect(await drain(queue)).toEqual(range(0, 50));
    expect([queue.count, queue.oldestMs, queue.isEmpty, queue.sizeBytes]).toEqual([0, null, true, 0]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('removes a segment with its last settled record, also of an earlier process, and reads nothing back', async () => {
    const removed: string[] = [];
    const queue = new DurableQueue({ directory, segmentBytes: 200, onRemoved: (path) => removed.push(path) });
    const paths = await Promise.all(range(0, 9).map((n) => queue.append(record(n))));
    const [first = '', last = ''] = [paths[0], paths.at(-1)];
    for (const path of paths.slice(1)) await queue.settle(path);
    expect([queue.count, queue.oldestMs, await readdir(directory)]).toEqual([
      1,
      1_000,
      [first, last].map((path) => basename(path)),
    ]);
    await queue.settle(first);
    expect(queue.count).toBe(0);
    // The newest one takes further records until it is full.
    await queue.append(record(9));
    await queue.close();
    expect(removed).not.toContain(last);

    const next = new DurableQueue({ directory });
    await next.open();
    const left = [];
    for await (const { path, records } of next.segments()) left.push({ path, numbers: numbersIn(records) });
    expect(left.flatMap(({ numbers }) => numbers)).toContain(9);
    for (const { path, numbers } of left) await next.settle(path, numbers.length);
    expect([next.isEmpty, await readdir(directory)]).toEqual([true, []]);
  });

  it('reads any segment, and ends the one that takes records when its first record is old enough', async () => {
    const queue = new DurableQueue({ directory });
    const path = await queue.append(record(0));
    await queue.append(record(1));
    expect(numbersIn((await queue.read(path))?.records ?? [])).toEqual([0, 1]);
    await queue.sealOlderThan(1_000);
    expect(await queue.append(record(2))).toBe(path);
    await queue.sealOlderThan(1_001);
    expect(await queue.append(record(3))).not.toBe(path);
    expect(numbersIn((await queue.read(path))?.records ?? [])).toEqual([0, 1, 2]);
    await queue.settle(path, 3);
    expect([queue.has(path), await queue.read(path), queue.count]).toEqual([false, null, 1]);
    await queue.close();
  });

  it('takes records while others are read', async () => {
    const queue = new DurableQueue({ directory });
    await queue.append(record(0));
    const first = await queue.readOldest();
    await queue.append(record(1));
    expect(numbersIn(first?.records ?? [])).toEqual([0]);
    await queue.removeOldest();
    expect(await drain(queue)).toEqual([1]);
  });

  it('shares one flush between the records that wait', async () => {
    let flushes = 0;
    const turn = <T>(work: () => Promise<T>): Promise<T> => {
      flushes += 1;
      return work();
    };
    const queue = new DurableQueue({ directory, turn });
    await Promise.all(range(0, 100).map((n) => queue.append(record(n))));
    expect(flushes).toBe(1);
  });

  it('is read by the next process, without a record whose write was interrupted', async () => {
    const before = new DurableQueue({ directory });
    for (const n of range(0, 3)) await before.append(record(n));
    const [name = ''] = await readdir(directory);
    const { sizeBytes } = before;
    await before.append(record(3));
    // What a kill in the middle of a write leaves.
    await truncate(join(directory, name), sizeBytes + 9);

    const after = new DurableQueue({ directory });
    await after.open();
    expect([after.count, after.oldestMs]).toEqual([3, 1_000]);
    await after.append(record(4));
    const oldest = await after.readOldest();
    expect(oldest?.damaged).toEqual([{ offset: sizeBytes, sizeBytes: 9, isTail: true }]);
    expect(await drain(after)).toEqual([0, 1, 2, 4]);
  });

  it('rejects the records of a failed flush and keeps those before and after it', async () => {
    let isOwned = true;
    const assertOwned = async (): Promise<void> => {
      if (!isOwned) throw new Error('taken');
    };
    const queue = new DurableQueue({ directory, assertOwned });
    await queue.append(record(0));
    isOwned = false;
    await expect(queue.append(record(1))).rejects.toThrow('taken');
    isOwned = true;
    await queue.append(record(2));
    expect(await drain(queue)).toEqual([0, 2]);
  });

  it('ignores what other programs have put into its directory', async () => {
    await appendFile(join(directory, 'notes.txt'), 'not a segment');
    const queue = new DurableQueue({ directory });
    await queue.open();
    expect(queue.isEmpty).toBe(true);
  });

  it('refuses records beyond what may wait for a stalled disk', async () => {
    const stalled: (() => void)[] = [];
    const turn = async <T>(work: () => Promise<T>): Promise<T> => {
      await new Promise<void>((settle) => stalled.push(settle));
      return work();
    };
    const queue = new DurableQueue({ directory, turn });
    const payload = Buffer.alloc(9_000_000);
    const appends = range(0, 4).map((n) => queue.append({ ...record(n), payload }));
    await expect(appends[3]).rejects.toThrow('too many records');
    expect(queue.isEmpty).toBe(false);
    const first = appends[0] as Promise<string>;
    while (stalled.length === 0) await new Promise((settle) => setImmediate(settle));
    stalled[0]?.();
    await first;
    expect(queue.count).toBe(1);
  });
});
