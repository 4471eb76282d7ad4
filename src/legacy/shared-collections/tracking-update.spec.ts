import { describe, expect, it } from '@jest/globals';
import type { Position } from '../../core/index.js';
import { updateTracking, historyEntry, trackingTimeMs } from './tracking-update.js';

const T0 = Date.UTC(2026, 2, 9, 14, 7);
const fix = (afterS: number, more: Partial<Position> = {}): Position => ({
  vehicleId: 'a'.repeat(24),
  lat: 13.7 + afterS * 1e-4,
  lon: 100.5,
  timeMs: T0 + afterS * 1_000,
  receivedAtMs: T0 + afterS * 1_000 + 200,
  speedMps: 10,
  headingDeg: 90,
  ...more,
});

describe('updateTracking', () => {
  it('gives the newest place, the speed in km/h rounded up, and the average', () => {
    const change = updateTracking({}, [fix(10, { speedMps: 13.9 }), fix(0)]);
    expect(change).toEqual({
      location: { lat: 13.7 + 10 * 1e-4, lon: 100.5 },
      count_datetime: new Date(T0 + 10_000),
      heading: 90,
      speed: 51,
      avg_speed: (36 + 51) / 2,
      state: 'GREEN',
    });
  });

  it('starts with the first speed as the average', () => {
    expect(updateTracking({}, [fix(0)])).toMatchObject({ avg_speed: 36 });
    expect(updateTracking({ avg_speed: 100 }, [fix(0)])).toMatchObject({ avg_speed: 68 });
  });

  it.each([
    [80, 'GREEN'],
    [81, 'ORANGE'],
    [120, 'ORANGE'],
    [121, 'RED'],
  ])('is at an average of %d km/h %s', (kmh, state) => {
    expect(updateTracking({ avg_speed: kmh }, [fix(0, { speedMps: kmh / 3.6 - 1e-9 })])).toMatchObject({
      state,
    });
  });

  it('returns to GREEN', () => {
    expect(updateTracking({ avg_speed: 130 }, [fix(0, { speedMps: 1 })])).toMatchObject({ state: 'GREEN' });
  });

  it('keeps the last speed when a position has none', () => {
    const change = updateTracking({ avg_speed: 50 }, [
      fix(0, { speedMps: undefined, headingDeg: undefined }),
    ]);
    expect(Object.keys(change ?? {})).toEqual(['location', 'count_datetime']);
  });

  it.each([
    ['a date', new Date(T0 + 10_000)],
    ['text', new Date(T0 + 10_000).toISOString()],
    ['a number', T0 + 10_000],
  ])('does not change a document whose position is as new, as %s', (_, at) => {
    const tracking = { count_datetime: at };
    expect(trackingTimeMs(tracking)).toBe(T0 + 10_000);
    expect(updateTracking(tracking, [fix(0), fix(10)])).toBeNull();
    expect(updateTracking(tracking, [fix(0), fix(11)])).toMatchObject({
      count_datetime: new Date(T0 + 11_000),
      avg_speed: 36,
    });
  });

  it('is not frozen by a device clock that is ahead', () => {
    const ahead = fix(0, { timeMs: T0 + 250_000 });
    expect(updateTracking({}, [ahead])?.count_datetime).toEqual(new Date(T0 + 200));
  });

  it('computes the minutes to a destination, and none without a destination', () => {
    // One minute of latitude is a nautical mile, 1,853 m on the mean sphere: 3.1 minutes at 10 m/s.
    const destination_location = { lat: '13.716666666666667', lon: 100.5 };
    expect(updateTracking({ destination_location }, [fix(0)])).toMatchObject({ estimated_time: 3 });
    expect(updateTracking({ destination_location }, [fix(0, { speedMps: 0 })])).not.toHaveProperty(
      'estimated_time',
    );
    expect(updateTracking({ destination_location: { lat: 0, lon: 0 } }, [fix(0)])).not.toHaveProperty(
      'estimated_time',
    );
  });
});

describe('historyEntry', () => {
  it('has the place in the field of the schema', () => {
    expect(historyEntry(fix(0, { speedMps: undefined }))).toEqual({
      location: { lat: 13.7, lon: 100.5 },
      count_datetime: new Date(T0),
      heading: 90,
    });
  });
});
