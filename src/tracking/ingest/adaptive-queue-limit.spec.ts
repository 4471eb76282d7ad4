import { beforeEach, describe, expect, it } from '@jest/globals';
import { AdaptiveQueueLimit } from './adaptive-queue-limit.js';

let queueLimit: AdaptiveQueueLimit;
beforeEach(() => {
  queueLimit = new AdaptiveQueueLimit();
});
const record = (times: number, count: number, tookMs: number): void => {
  for (let n = 0; n < times; n += 1) queueLimit.record(count, tookMs);
};

describe('the limit of waiting items', () => {
  it('is three seconds of work: assumed at first, then measured', () => {
    expect(queueLimit.limit).toBe(3_000);
    record(1, 1_000, 500);
    expect(queueLimit.limit).toBe(6_000);
    record(8, 500, 400);
    expect(queueLimit.limit).toBe(3_750);
  });

  it.each([
    ['one group, however slow the writer is', 1_000, 60_000, 1_000],
    ['at most what memory allows, however fast the writer is', 1_000, 10, 20_000],
    ['at most that when no time has passed on the clock', 1_000, 0, 20_000],
  ])('is %s', (_what, count, tookMs, limit) => {
    record(3, count, tookMs);
    expect(queueLimit.limit).toBe(limit);
  });

  it('follows a writer that becomes slower or faster within its last groups', () => {
    record(20, 1_000, 100);
    record(8, 1_000, 2_000);
    expect(queueLimit.limit).toBe(1_500);
    record(8, 1_000, 250);
    expect(queueLimit.limit).toBe(12_000);
  });

  it('ignores small groups: one position in 5 ms does not mean 200 a second', () => {
    record(50, 1, 5);
    expect(queueLimit.limit).toBe(3_000);
    record(1, 1_000, 200);
    record(50, 99, 50);
    expect(queueLimit.limit).toBe(15_000);
  });
});

describe('the time to retry after', () => {
  it('is when the waiting items are written, and at least a second', () => {
    record(8, 1_000, 2_000);
    expect(queueLimit.retryAfterMs(1_500)).toBe(3_000);
    expect(queueLimit.retryAfterMs(10)).toBe(1_000);
  });
});
