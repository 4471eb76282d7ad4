import { beforeEach, describe, expect, it } from '@jest/globals';
import { AdaptiveQueueLimit } from './adaptive-queue-limit.js';

let queueLimit: AdaptiveQueueLimit;
beforeEach(() => {
  queueLimit = new AdaptiveQueueLimit();
});
const note = (times: number, count: number, tookMs: number): void => {
  for (let n = 0; n < times; n += 1) queueLimit.note(count, tookMs);
};

describe('how many may wait', () => {
  it('is three seconds of work, presumed at first, then as measured', () => {
    expect(queueLimit.limit).toBe(3_000);
    note(1, 1_000, 500);
    expect(queueLimit.limit).toBe(6_000);
    note(8, 500, 400);
    expect(queueLimit.limit).toBe(3_750);
  });

  it.each([
    ['one group, however slow the writer is', 1_000, 60_000, 1_000],
    ['no more than the memory for it, however fast', 1_000, 10, 20_000],
    ['no more than that when the clock saw nothing pass', 1_000, 0, 20_000],
  ])('is %s', (_what, count, tookMs, limit) => {
    note(3, count, tookMs);
    expect(queueLimit.limit).toBe(limit);
  });

  it('follows a writer that becomes slower or faster within its last groups', () => {
    note(20, 1_000, 100);
    note(8, 1_000, 2_000);
    expect(queueLimit.limit).toBe(1_500);
    note(8, 1_000, 250);
    expect(queueLimit.limit).toBe(12_000);
  });

  it('is not told by small groups: one fix in 5 ms is no 200 a second', () => {
    note(50, 1, 5);
    expect(queueLimit.limit).toBe(3_000);
    note(1, 1_000, 200);
    note(50, 99, 50);
    expect(queueLimit.limit).toBe(15_000);
  });
});

describe('when to come again', () => {
  it('is when what waits is through, and never at once', () => {
    note(8, 1_000, 2_000);
    expect(queueLimit.retryAfterMs(1_500)).toBe(3_000);
    expect(queueLimit.retryAfterMs(10)).toBe(1_000);
  });
});
