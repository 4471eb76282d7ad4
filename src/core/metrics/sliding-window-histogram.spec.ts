import { describe, expect, it } from '@jest/globals';
import { SlidingWindowHistogram } from './sliding-window-histogram.js';

describe('SlidingWindowHistogram', () => {
  it('gives NaN for an empty window', () => {
    expect(new SlidingWindowHistogram(() => 0).summary()).toEqual({ count: 0, meanMs: NaN, p95Ms: NaN });
  });

  it.each([0.2, 4, 37, 999, 60_000])(
    'gives the 95th percentile of durations up to %d ms with an error of at most 5 %%',
    (topMs) => {
      const minute = new SlidingWindowHistogram(() => 5_000);
      for (let n = 1; n <= 100; n += 1) minute.add((topMs * n) / 100);
      const { count, meanMs, p95Ms } = minute.summary();
      expect(count).toBe(100);
      expect(meanMs).toBeCloseTo(topMs * 0.505, 6);
      expect(Math.abs(p95Ms / (topMs * 0.95) - 1)).toBeLessThan(0.06);
    },
  );

  it('drops durations after a minute, second by second, also after a long pause', () => {
    let nowMs = 1_000_000;
    const minute = new SlidingWindowHistogram(() => nowMs);
    for (let second = 0; second < 90; second += 1, nowMs += 1_000) minute.add(second < 45 ? 100 : 10);
    nowMs -= 1_000;
    expect(minute.summary().count).toBe(60);
    nowMs += 15_000;
    expect(minute.summary()).toMatchObject({ count: 45, meanMs: 10 });
    nowMs += 3_600_000;
    expect(minute.summary().count).toBe(0);
    minute.add(1);
    expect(minute.summary().count).toBe(1);
  });

  it('counts very long durations in the last class', () => {
    const minute = new SlidingWindowHistogram(() => 0);
    minute.add(1e9);
    minute.add(0);
    expect(minute.summary().p95Ms).toBeGreaterThan(120_000);
  });
});
