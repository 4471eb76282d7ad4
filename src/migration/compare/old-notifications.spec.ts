import { describe, expect, it } from '@jest/globals';
import { OldNotifications, speedNotificationOf, type TimedSpeed } from './old-notifications.js';

describe('speedNotificationOf', () => {
  it.each([
    [80, 70, null],
    [80.1, 80, 'SPEED_ABOVE_80'],
    // 79.5 is stored as 80, and 80.5 as 81.
    [81, 79.5, 'SPEED_ABOVE_80'],
    [81, 80.5, null],
    [80, 80.5, 'SPEED_BELOW_80'],
    [121, 0.5, 'SPEED_ABOVE_120'],
    [121, 119.5, 'SPEED_ABOVE_120'],
    [121, 120.5, null],
    [100, 121, 'SPEED_BELOW_120'],
    [60, 121, 'SPEED_BELOW_80'],
  ])('%d after %d km/h: %s', (kmh, previous, type) => expect(speedNotificationOf(kmh, previous)).toBe(type));
});

describe('OldNotifications', () => {
  /** The drive of which the old rule gives eight. */
  const drive: TimedSpeed[] = [50, 85, 100, 125, 110, 130, 90, 60, 82, 70].map((kmh, n) => ({
    atMs: n * 1_000,
    kmh,
  }));
  const types = [
    '1 SPEED_ABOVE_80',
    '3 SPEED_ABOVE_120',
    '4 SPEED_BELOW_120',
    '5 SPEED_ABOVE_120',
    '6 SPEED_BELOW_120',
    '7 SPEED_BELOW_80',
    '8 SPEED_ABOVE_80',
    '9 SPEED_BELOW_80',
  ];
  const inSlices = (...starts: number[]): string[] => {
    const derived = new OldNotifications();
    const slices = starts.map((start, index) => drive.slice(start, starts[index + 1]));
    const items = slices.reverse().flatMap((slice) => [...derived.of('291', [...slice].reverse())]);
    return items.map(({ atMs, keys: [key] }) => `${atMs / 1_000} ${key}`).sort();
  };

  it('gives those of a drive, read at once or in slices from the newest on', () => {
    expect(inSlices(0)).toEqual(types);
    for (const at of [1, 3, 5, 9]) expect(inSlices(0, at)).toEqual(types);
    expect(inSlices(0, 2, 4, 4, 8)).toEqual(types);
  });
});
