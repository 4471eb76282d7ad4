import { describe, expect, it } from '@jest/globals';
import type { Settings } from '../../config/index.js';
import type { LatestPositions } from '../../tracking/index.js';
import { type Arrival, ArrivalTimes, nextArrival } from './arrival-times.js';

const NOW = 1_800_000_000_000;

describe('the next time of a box', () => {
  it('is now when that is later than the last', () => {
    expect(nextArrival(NOW, null)).toEqual({ timeMs: NOW, arrivedMs: NOW });
    expect(nextArrival(NOW, { timeMs: NOW - 1, arrivedMs: NOW - 1 }).timeMs).toBe(NOW);
  });

  it('is a millisecond later for a second report in the same millisecond', () => {
    expect(nextArrival(NOW, { timeMs: NOW, arrivedMs: NOW }).timeMs).toBe(NOW + 1);
  });

  it('rises while a clock that was set back catches up, by at least half of the real time', () => {
    let last: Arrival = { timeMs: NOW + 120_000, arrivedMs: NOW };
    const steps: number[] = [];
    for (let n = 1; n <= 60; n += 1) {
      const next = nextArrival(NOW + n * 10_000, last);
      steps.push(next.timeMs - last.timeMs);
      last = next;
    }
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(5_000);
    expect(last.timeMs).toBe(NOW + 600_000);
  });
});

describe('after a restart', () => {
  const times = (newestMs: number | null, nowMs = NOW): ArrivalTimes => {
    const newest = newestMs === null ? null : { timeMs: newestMs, receivedAtMs: newestMs };
    const latest = { of: () => newest } as unknown as LatestPositions;
    const settings = { positions: { maxAheadS: 300 } } as Settings;
    return new ArrivalTimes(latest, { nowMs: () => nowMs }, settings);
  };

  it('continues from the stored time, also when the clock was set back meanwhile', () => {
    const after = times(NOW + 60_000);
    expect(after.next('a')).toBe(NOW + 60_001);
    expect(after.next('a')).toBe(NOW + 60_002);
  });

  it('starts from now without a stored time, or when that is too far ahead', () => {
    expect(times(null).next('a')).toBe(NOW);
    expect(times(NOW + 300_001).next('a')).toBe(NOW);
  });

  it('is independent for each vehicle', () => {
    const one = times(null);
    expect([one.next('a'), one.next('b'), one.next('a')]).toEqual([NOW, NOW, NOW + 1]);
  });
});
