import { describe, expect, it } from '@jest/globals';
import { MemoryReads } from './memory-reads.js';
import type { Outcome } from './cached-reads.js';

function setUp({ maxEntries = 100 } = {}) {
  const state = { isCurrent: true, outcomes: [] as Outcome[], loads: 0 };
  const reads = new MemoryReads<string>({
    ttlMs: 3_600_000,
    maxEntries,
    isCurrent: () => state.isCurrent,
    count: (outcome) => state.outcomes.push(outcome),
  });
  const load = () => Promise.resolve(`value ${(state.loads += 1)}`);
  return { state, reads, load };
}

/** Lists, at most 4 numbers in all. */
function setUpLists() {
  const reads = new MemoryReads<number[]>({
    ttlMs: 3_600_000,
    maxEntries: 1,
    size: { maxBytes: 4, bytesOf: ({ length }) => length },
    isCurrent: () => true,
    count: () => undefined,
  });
  let end: (value: number[]) => void = () => undefined;
  let begin: () => void = () => undefined;
  const result = new Promise<number[]>((resolve) => (end = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const load = () => {
    begin();
    return result;
  };
  return { reads, under: { load, begun }, end: (value: number[]) => end(value) };
}

/** A load that ends when the test ends it. */
function pendingLoad() {
  let end: (value: string | null) => void = () => undefined;
  let begin: () => void = () => undefined;
  const result = new Promise<string | null>((resolve) => (end = resolve));
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const load = () => {
    begin();
    return result;
  };
  return { load, begun, end };
}

describe('reads cached in memory', () => {
  it('are loaded once, and again after forget', async () => {
    const { state, reads, load } = setUp();
    expect([await reads.get('a', load), await reads.get('a', load)]).toEqual(['value 1', 'value 1']);
    await reads.forget('a');
    expect(await reads.get('a', load)).toBe('value 2');
    expect(state.outcomes).toEqual(['miss', 'hit', 'miss']);
  });

  it('share one load', async () => {
    const { state, reads } = setUp();
    const { load, end } = pendingLoad();
    const both = [reads.get('a', load), reads.get('a', () => Promise.reject(new Error('a second load')))];
    end('value');
    expect(await Promise.all(both)).toEqual(['value', 'value']);
    expect(state.outcomes).toEqual(['miss', 'hit']);
  });

  it.each(['forget', 'clear'] as const)('do not keep or share what was loaded before %s', async (how) => {
    const { reads, load } = setUp();
    const before = pendingLoad();
    const first = reads.get('a', before.load);
    await before.begun;
    await reads[how]('a');
    expect(await reads.get('a', load)).toBe('value 1');
    before.end('old');
    expect(await first).toBe('old');
    expect(await reads.get('a', load)).toBe('value 1');
  });

  it('do not keep null or a failure', async () => {
    const { reads, load } = setUp();
    expect(await reads.get('a', () => Promise.resolve(null))).toBeNull();
    await expect(reads.get('a', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await reads.get('a', load)).toBe('value 1');
  });

  it('are loads while changes of another instance may be missing, and afterwards nothing old is left', async () => {
    const { state, reads, load } = setUp();
    await reads.get('a', load);
    state.isCurrent = false;
    expect([await reads.get('b', load), await reads.get('b', load)]).toEqual(['value 2', 'value 3']);
    state.isCurrent = true;
    expect(await reads.get('a', load)).toBe('value 4');
    expect(state.outcomes).toEqual(['miss', 'bypass', 'bypass', 'miss']);
  });

  it('lose their entries by the upkeep too: there may be no read while changes are missing', async () => {
    const { state, reads, load } = setUp();
    await reads.get('a', load);
    reads.clearUnlessCurrent();
    expect(await reads.get('a', load)).toBe('value 1');
    state.isCurrent = false;
    reads.clearUnlessCurrent();
    state.isCurrent = true;
    expect(await reads.get('a', load)).toBe('value 2');
  });

  it('are revised in place, or loaded again when the revision refuses', async () => {
    const { reads } = setUpLists();
    const load = () => Promise.resolve([1]);
    for (const key of ['a', 'b']) await reads.get(key, load);
    let count = 0;
    reads.revise((list) => list.push(2) > 0 && (count += 1) === 1);
    const read = () => Promise.resolve([3]);
    expect([await reads.get('a', read), await reads.get('b', read)]).toContainEqual([1, 2]);
    expect([await reads.get('a', read), await reads.get('b', read)]).toContainEqual([3]);
  });

  it('are revised after a load that was under way', async () => {
    const { reads, under, end } = setUpLists();
    const first = reads.get('a', under.load);
    await under.begun;
    reads.revise((list) => list.push(2) > 0);
    const second = reads.get('a', () => Promise.reject(new Error('a second load')));
    end([1]);
    expect(await Promise.all([first, second])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await reads.get('a', () => Promise.resolve([]))).toEqual([1, 2]);
  });

  it('are not given to a later reader when a revision refused them during the load', async () => {
    const { reads, under, end } = setUpLists();
    const first = reads.get('a', under.load);
    await under.begun;
    reads.revise(() => false);
    const second = reads.get('a', () => Promise.resolve([2]));
    end([1]);
    expect(await Promise.all([first, second])).toEqual([[1], [2]]);
    expect(await reads.get('a', () => Promise.resolve([3]))).toEqual([3]);
  });

  it('keep a limited number of bytes', async () => {
    const { reads } = setUpLists();
    const load = (list: number[]) => () => Promise.resolve(list);
    for (const key of ['a', 'b']) await reads.get(key, load([1, 2]));
    expect(await reads.get('a', load([9]))).toEqual([1, 2]);
    await reads.get('c', load([1]));
    expect(await reads.get('b', load([9]))).toEqual([9]);
    await reads.get('large', load([1, 2, 3, 4, 5]));
    expect(await reads.get('large', load([9]))).toEqual([9]);
  });

  it('keep a limited number of entries', async () => {
    const { reads, load } = setUp({ maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) await reads.get(key, load);
    expect(await reads.get('c', load)).toBe('value 3');
    expect(await reads.get('a', load)).toBe('value 4');
  });
});
