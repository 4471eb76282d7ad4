import { describe, expect, it } from '@jest/globals';
import type { Position } from '../../core/index.js';
import { timeMsOf } from './document-time.js';
import {
  historyEntry,
  type LegacyTracking,
  newerThan,
  newTracking,
  updateTracking,
} from './tracking-update.js';

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
const change = (tracking: LegacyTracking, ...positions: Position[]) =>
  updateTracking(tracking, newerThan(tracking, positions));

describe('updateTracking', () => {
  it('gives the newest place, the speed in km/h rounded up, and the average of the speeds that are not rounded', () => {
    expect(change({}, fix(10, { speedMps: 13.9 }), fix(0))).toEqual({
      location: { lat: 13.7 + 10 * 1e-4, lon: 100.5 },
      count_datetime: new Date(T0 + 10_000),
      updatedAt: new Date(T0 + 10_200),
      heading: 90,
      speed: 51,
      avg_speed: 34.02,
      state: 'GREEN',
      estimated_time: 0,
      covered_distance: 0,
    });
  });

  it('averages with the stored average, to two decimals', () => {
    expect(change({ avg_speed: 100 }, fix(0))).toMatchObject({ avg_speed: 68 });
    expect(change({ avg_speed: 33.33 }, fix(0, { speedMps: 9.26 }))).toMatchObject({ avg_speed: 33.33 });
    expect(change({ avg_speed: NaN }, fix(0))).toMatchObject({ avg_speed: 18 });
  });

  it.each([
    [4.7e-5, 0],
    [0.27, 0],
    [0.28, 2],
    [22.3, 81],
  ])('at %d m/s is %d km/h', (speedMps, speed) => {
    expect(change({}, fix(0, { speedMps }))).toMatchObject({ speed });
  });

  it.each([
    [80, 'GREEN'],
    [81, 'ORANGE'],
    [120, 'ORANGE'],
    [121, 'RED'],
  ])('is at an average of %d km/h %s', (kmh, state) => {
    expect(change({ avg_speed: kmh }, fix(0, { speedMps: kmh / 3.6 }))).toMatchObject({ state });
  });

  it('returns to GREEN', () => {
    expect(change({ avg_speed: 130 }, fix(0, { speedMps: 1 }))).toMatchObject({ state: 'GREEN' });
  });

  it('keeps the last speed when a position has none; a heading that is none is 0', () => {
    const update = change({ avg_speed: 50 }, fix(0, { speedMps: undefined, headingDeg: undefined }));
    expect(update).toMatchObject({ heading: 0, estimated_time: 0 });
    expect(Object.keys(update)).not.toContain('speed');
    expect(Object.keys(update)).not.toContain('avg_speed');
  });

  it('never sets `updatedAt` back: other programs set it too', () => {
    const updatedAt = new Date(T0 + 60_000);
    expect(change({ updatedAt }, fix(0))).toMatchObject({ updatedAt });
  });

  it('is not frozen by a device clock that is ahead', () => {
    expect(change({}, fix(0, { timeMs: T0 + 250_000 })).count_datetime).toEqual(new Date(T0 + 200));
  });

  // One minute of latitude is a nautical mile, 1,853 m on the mean sphere.
  const [source_location, destination_location] = [
    { lat: '13.683333333333334', lon: 100.5 },
    { lat: '13.716666666666667', lon: 100.5 },
  ];
  it('computes the minutes to the destination and the kilometres from the source', () => {
    const journey = change({ source_location, destination_location }, fix(0));
    expect(journey.estimated_time).toBeCloseTo(3.0888, 3);
    expect(journey.covered_distance).toBeCloseTo(1.853, 3);
    expect(change({ source_location }, fix(0))).toMatchObject({ estimated_time: 0 });
    expect(change({ destination_location }, fix(0))).toMatchObject({
      estimated_time: 0,
      covered_distance: 0,
    });
  });

  it.each([[0], [undefined], [1e-9]])('gives 0 minutes at %p m/s', (speedMps) => {
    expect(change({ source_location, destination_location }, fix(0, { speedMps }))).toMatchObject({
      estimated_time: 0,
    });
  });

  it('sets both to 0 when the request has ended', () => {
    const none = { lat: 0, lon: 0 };
    const ended = {
      estimated_time: 4,
      covered_distance: 17.3,
      source_location: none,
      destination_location: none,
    };
    expect(change(ended, fix(0))).toMatchObject({ estimated_time: 0, covered_distance: 0 });
  });
});

describe('newerThan', () => {
  it.each([
    ['a date', new Date(T0 + 10_000)],
    ['text', new Date(T0 + 10_000).toISOString()],
    ['a number', T0 + 10_000],
  ])('leaves out what a document contains already, with its time as %s', (_, at) => {
    const tracking = { count_datetime: at };
    expect(timeMsOf(at)).toBe(T0 + 10_000);
    expect(newerThan(tracking, [fix(0), fix(10)])).toEqual([]);
    expect(newerThan(tracking, [fix(12), fix(0), fix(11)])).toEqual([fix(11), fix(12)]);
  });
});

it('a new document has every field of the old schema, and the average 0 at its first position', () => {
  expect(newTracking([fix(0)])).toEqual({
    location: { lat: 13.7, lon: 100.5 },
    source_location: { lat: 0, lon: 0 },
    destination_location: { lat: 0, lon: 0 },
    speed: 36,
    avg_speed: 0,
    heading: 90,
    state: 'GREEN',
    covered_distance: 0,
    estimated_time: 0,
    count_datetime: new Date(T0),
    createdAt: new Date(T0 + 200),
    updatedAt: new Date(T0 + 200),
    __v: 0,
  });
  expect(newTracking([fix(0), fix(1)])).toMatchObject({ avg_speed: 18 });
  expect(newTracking([fix(0, { speedMps: undefined })])).toMatchObject({ speed: 0, avg_speed: 0 });
});

it('a history has the speed in km/h, the time of receipt, and the place in the field of the schema', () => {
  expect(historyEntry(fix(0, { speedMps: 13.9 }))).toEqual({
    location: { lat: 13.7, lon: 100.5 },
    count_datetime: new Date(T0),
    createdAt: new Date(T0 + 200),
    speed: 13.9 * 3.6,
    heading: 90,
    __v: 0,
  });
  expect(historyEntry(fix(0, { speedMps: undefined }))).not.toHaveProperty('speed');
});
