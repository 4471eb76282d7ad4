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

/** A load that ends when the test says so. */
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

  it('keep a limited number of entries', async () => {
    const { reads, load } = setUp({ maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) await reads.get(key, load);
    expect(await reads.get('c', load)).toBe('value 3');
    expect(await reads.get('a', load)).toBe('value 4');
  });
});
