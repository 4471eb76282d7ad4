import { describe, expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

describe('TokenBucket', () => {
  it('allows a burst of its capacity, refills with time, and never holds more than its capacity', () => {
    const bucket = new TokenBucket(3, 2, 0);
    const take = (nowMs: number): boolean => bucket.take(nowMs);
    expect([take(0), take(0), take(0), take(0)]).toEqual([true, true, true, false]);
    expect([take(500), take(500)]).toEqual([true, false]);
    expect([1, 2, 3, 4].map(() => take(1e9))).toEqual([true, true, true, false]);
  });

  it('refills nothing when the clock is set back', () => {
    const bucket = new TokenBucket(1, 1, 10_000);
    expect([bucket.take(10_000), bucket.take(0), bucket.take(500)]).toEqual([true, false, false]);
  });
});
