import { describe, expect, it } from '@jest/globals';
import type { Position } from '../../core/index.js';
import {
  quarantineReason,
  isPlausible,
  type PositionLimits,
  plausibleSequenceAround,
} from './position-validator.js';

const limits: PositionLimits = {
  maxAheadS: 300,
  oldestMs: Date.UTC(2000, 0, 1),
  rolloverDays: 7,
  maxBehindDays: 366,
  maxAccuracyM: 5_000,
  maxSpeedMps: 100,
  jumpsToRelease: 3,
};
const nowMs = Date.parse('2026-11-23T10:00:00.000Z');
const at = (second: number, metresNorth = 0, change: Partial<Position> = {}): Position => ({
  vehicleId: '66f0c0ffee0123456789abcd',
  lat: 48 + metresNorth / 111_195,
  lon: 11,
  timeMs: nowMs + second * 1_000,
  receivedAtMs: nowMs,
  ...change,
});

describe('quarantineReason', () => {
  it.each([
    ['a good fix', at(0), null],
    ['300 s ahead', at(300), null],
    ['more than 300 s ahead', at(300.001), 'future'],
    ['the first moment of 2000', at(0, 0, { timeMs: Date.UTC(2000, 0, 1) }), null],
    ['a millisecond before', at(0, 0, { timeMs: Date.UTC(2000, 0, 1) - 1 }), 'too_old'],
    ['5,000 m of accuracy', at(0, 0, { accuracyM: 5_000 }), null],
    ['more than that', at(0, 0, { accuracyM: 5_000.1 }), 'inaccurate'],
    ['a negative accuracy', at(0, 0, { accuracyM: -1 }), 'inaccurate'],
    ['no error at all', at(0, 0, { accuracyM: 0 }), null],
    ['0,0', at(0, 0, { lat: 0, lon: 0 }), 'null_island'],
    ['the equator', at(0, 0, { lat: 0 }), null],
  ])('%s', (_what, report, code) => expect(quarantineReason(report, -Infinity, limits)).toBe(code));
});

describe('a clock that fell back', () => {
  const DAY_S = 86_400;
  const WEEKS_S = 1_024 * 7 * DAY_S;
  const arrivedMs = Date.UTC(2045, 0, 1);
  const NEVER = -Infinity;

  it.each([
    ['1,024 weeks, to the day', at(-WEEKS_S), NEVER, 'stale_clock'],
    ['1,024 weeks and 7 days', at(-WEEKS_S - 7 * DAY_S), NEVER, 'stale_clock'],
    ['1,024 weeks less 7 days', at(-WEEKS_S + 7 * DAY_S), NEVER, 'stale_clock'],
    ['more than 7 days beside it: an old track', at(-WEEKS_S - 7 * DAY_S - 1), NEVER, null],
    ['more than 7 days on the other side', at(-WEEKS_S + 7 * DAY_S + 1), NEVER, null],
    ['2,048 weeks, before 2000', at(-2 * WEEKS_S), NEVER, 'too_old'],
    [
      '2,048 weeks, after 2000',
      at(0, 0, { receivedAtMs: arrivedMs, timeMs: arrivedMs - 2 * WEEKS_S * 1_000 }),
      NEVER,
      'stale_clock',
    ],
    ['366 days behind the newest good fix', at(-366 * DAY_S), nowMs, null],
    ['more than 366 days behind it', at(-366 * DAY_S - 1), nowMs, 'stale_clock'],
    [
      'an old track of a vehicle without a newer fix',
      at(-3_000 * DAY_S),
      nowMs - 3_001 * DAY_S * 1_000,
      null,
    ],
    ['the present, when a released fix is in the future', at(0), nowMs + 4_000 * DAY_S * 1_000, null],
    ['with a large accuracy too', at(-WEEKS_S, 0, { accuracyM: 9_000 }), NEVER, 'stale_clock'],
  ])('%s', (_what, report, newestMs, code) => expect(quarantineReason(report, newestMs, limits)).toBe(code));

  it('counts no rollover with 0 days', () => {
    expect(quarantineReason(at(-WEEKS_S), NEVER, { ...limits, rolloverDays: 0 })).toBeNull();
  });
});

describe('isPlausible', () => {
  it.each([
    ['100 m in 1 s', at(0), at(1, 99.9), true],
    ['over 100 m in 1 s', at(0), at(1, 100.5), false],
    ['100 m in 0.1 s, as receivers shake', at(0), at(0.1, 99.9), true],
    ['6 km in a minute', at(0), at(60, 5_990), true],
    [
      '1 km in 1 s within both accuracies',
      at(0, 0, { accuracyM: 500 }),
      at(1, 1_050, { accuracyM: 500 }),
      true,
    ],
    ['1 km in 1 s within one accuracy', at(0, 0, { accuracyM: 500 }), at(1, 1_050), false],
  ])('%s', (_what, from, to, plausible) => expect(isPlausible(from, to, limits)).toBe(plausible));
});

describe('plausibleSequenceAround', () => {
  const moved = [at(0, 50_000), at(10, 50_100), at(20, 50_200), at(30, 50_300)];

  it('accepts three in a row, whichever of them arrives last', () => {
    for (const index of [0, 1, 2])
      expect(plausibleSequenceAround(moved.slice(0, 3), index, limits)).toEqual([0, 1, 2]);
  });

  it('accepts all jumps that are plausible from one another', () => {
    expect(plausibleSequenceAround(moved, 1, limits)).toEqual([0, 1, 2, 3]);
    expect(plausibleSequenceAround(moved, 3, limits)).toEqual([1, 2, 3]);
  });

  it('accepts neither two, nor three of which one is far from the one before', () => {
    expect(plausibleSequenceAround(moved.slice(0, 2), 1, limits)).toEqual([]);
    expect(plausibleSequenceAround([at(0, 50_000), at(10, 90_000), at(20, 90_100)], 2, limits)).toEqual([]);
  });
});
