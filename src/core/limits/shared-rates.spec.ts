import { beforeEach, describe, expect, it } from '@jest/globals';
import { type SharedRate, SharedRates } from './shared-rates.js';

const [CAPACITY, PER_SECOND] = [20, 4];
const KEY = 'a device';

let nowMs: number;
beforeEach(() => {
  nowMs = 1_800_000_000_000;
});

function newRate({ isShared = true } = {}): SharedRate {
  const rates = new SharedRates({ nowMs: () => nowMs });
  if (isShared) rates.startSharing();
  return rates.add('test', CAPACITY, PER_SECOND);
}

/** The script of `cluster/rate-sharing.ts`. @returns tokens that are left */
function newCommonBucket(): (count: number) => number {
  const msPerToken = 1_000 / PER_SECOND;
  let fullAtMs = 0;
  return (count) => {
    const before = Math.max(fullAtMs, nowMs - 1_000);
    const leftMs = Math.min(before + count * msPerToken - nowMs, 3 * CAPACITY * msPerToken);
    fullAtMs = nowMs + leftMs;
    return CAPACITY - leftMs / msPerToken;
  };
}

/**
 * Some instances, each with requests of one key at an equal pace, and an exchange each second.
 * @returns the number of requests that all instances accepted, and of keys that were exchanged
 */
function run(rates: readonly SharedRate[], { everyMs, seconds }: { everyMs: number; seconds: number }) {
  const spend = newCommonBucket();
  const total = { accepted: 0, exchanged: 0 };
  for (let atMs = 0; atMs < seconds * 1_000; atMs += everyMs, nowMs += everyMs) {
    for (const rate of rates) {
      if (atMs > 0 && atMs % 1_000 === 0)
        for (const [key, count] of rate.takeSpent(1)) {
          rate.lowerTo(key, spend(count));
          total.exchanged += 1;
        }
      if (rate.take(KEY) === 0) total.accepted += 1;
    }
  }
  return total;
}

describe('a rate that instances have in common', () => {
  it('is about one rate for a key that floods three instances', () => {
    const seconds = 120;
    const { accepted, exchanged } = run([newRate(), newRate(), newRate()], { everyMs: 20, seconds });
    const burstOfEach = 3 * CAPACITY;
    expect(accepted).toBeGreaterThan(seconds * PER_SECOND * 0.95);
    expect(accepted).toBeLessThan(seconds * PER_SECOND * 1.1 + burstOfEach);
    expect(exchanged).toBeLessThanOrEqual(3 * seconds);
  });

  it('is about one rate for a key that gives each of three instances a burst in turn', () => {
    const seconds = 600;
    const rates = [newRate(), newRate(), newRate()];
    const spend = newCommonBucket();
    let accepted = 0;
    for (let second = 0; second < seconds; second += 1, nowMs += 1_000) {
      for (const rate of rates) for (const [key, count] of rate.takeSpent(1)) rate.lowerTo(key, spend(count));
      const rate = rates[Math.floor(second / 4) % rates.length];
      while (rate?.take(KEY) === 0) accepted += 1;
    }
    expect(accepted).toBeGreaterThan(seconds * PER_SECOND * 0.9);
    expect(accepted).toBeLessThan(seconds * PER_SECOND * 1.1 + 3 * CAPACITY);
  });

  it('accepts no less of one instance than its own buckets', () => {
    const pace = { everyMs: 20, seconds: 60 };
    const alone = run([newRate({ isShared: false })], pace).accepted;
    expect(run([newRate()], pace).accepted).toBe(alone);
  });

  it('needs no exchange for a quarter of the rate, however it is spread, and refuses nothing of it', () => {
    const seconds = 60;
    const pace = { everyMs: 1_000, seconds };
    expect(run([newRate()], pace)).toEqual({ accepted: seconds, exchanged: 0 });
    expect(run([newRate(), newRate(), newRate()], pace)).toEqual({ accepted: 3 * seconds, exchanged: 0 });
  });

  it('counts what was spent during an exchange', () => {
    const rate = newRate();
    rate.charge(KEY, 8);
    expect(rate.takeSpent(1)).toEqual([[KEY, 8]]);
    rate.charge(KEY, 2);
    rate.lowerTo(KEY, 5);
    expect(rate.charge(KEY, 0)).toBe(3);
    expect(rate.takeSpent(1)).toEqual([[KEY, 2]]);
  });

  it('is lowered only, and what is owed comes back at the rate', () => {
    const rate = newRate();
    expect(rate.take(KEY)).toBe(0);
    rate.lowerTo(KEY, CAPACITY);
    expect(rate.charge(KEY, 0)).toBe(CAPACITY - 1);
    rate.lowerTo(KEY, -3);
    expect(rate.take(KEY)).toBe(1_250);
    nowMs += 1_250;
    expect(rate.take(KEY)).toBe(0);
  });

  it('lets a key owe three bursts at most', () => {
    expect(newRate().charge(KEY, 1_000)).toBe(-3 * CAPACITY);
  });

  it('keeps no counts without other instances', () => {
    const rate = newRate({ isShared: false });
    rate.take(KEY);
    expect(rate.takeSpent(0)).toEqual([]);
  });
});
