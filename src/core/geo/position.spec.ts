import { expect, it } from '@jest/globals';
import {
  isSamePlace,
  markerTimeMs,
  type Measurements,
  measurementsOf,
  type Position,
  toPositionView,
  withoutOriginalFields,
} from './position.js';

// Required: a new measurement that is missing here does not compile, and one that `measurementsOf` forgets fails the test.
const MEASUREMENTS: Required<Measurements> = {
  lat: 48.1,
  lon: 11.5,
  speedMps: 0,
  headingDeg: 0,
  accuracyM: 0,
  altitudeM: 0,
  batteryPct: 0,
  ignition: false,
  attributes: { satellites: 9 },
};
const position: Position = {
  ...MEASUREMENTS,
  vehicleId: '66f0c0ffee0123456789abcd',
  timeMs: 1_800_000_000_000,
  receivedAtMs: 1_800_000_001_000,
  originalFields: { tracking_speed: '0' },
};

it('measurementsOf gives every measurement and nothing else', () => {
  expect(measurementsOf(position)).toEqual(MEASUREMENTS);
  expect(Object.keys(measurementsOf({ lat: 1, lon: 2 }))).toEqual(['lat', 'lon']);
});

it('a view has the measurements and both times, and no original fields', () => {
  expect(toPositionView(position)).toEqual({
    ...MEASUREMENTS,
    time: '2027-01-15T08:00:00.000Z',
    receivedAt: '2027-01-15T08:00:01.000Z',
  });
});

it('withoutOriginalFields copies only a position that has them', () => {
  const { originalFields: _originalFields, ...kept } = position;
  expect(withoutOriginalFields(position)).toEqual(kept);
  expect(withoutOriginalFields(kept)).toBe(kept);
});

it('the marker time is the earlier of fix and arrival', () => {
  expect(markerTimeMs({ timeMs: 1, receivedAtMs: 2 })).toBe(1);
  expect(markerTimeMs({ timeMs: 3, receivedAtMs: 2 })).toBe(2);
});

it('places within 1e-6 degrees are the same place', () => {
  expect(isSamePlace({ lat: 48, lon: 11 }, { lat: 48.000_001, lon: 10.999_999 })).toBe(true);
  expect(isSamePlace({ lat: 48, lon: 11 }, { lat: 48.000_001_1, lon: 11 })).toBe(false);
});
