import { describe, expect, it } from '@jest/globals';
import { toVehicleView, type Vehicle } from './vehicle.js';
import { matchesIfMatch, vehicleEtag } from './vehicle-etag.js';

const at = new Date('2026-11-01T10:00:00Z');
const id = '66f0c0ffee0123456789abcd';
const vehicle: Vehicle = {
  id,
  callSign: 'RTW 1',
  registration: 'M-RK 1',
  type: 'als',
  lastStatus: { vehicleId: id, status: 'available', at, recordedAt: at, by: { kind: 'user', id } },
  boxCode: null,
  createdAt: at,
  updatedAt: at,
  archivedAt: null,
  clockBehindSince: null,
  version: 7,
};
const position = {
  lat: 48,
  lon: 11,
  time: '2026-11-01T10:00:00.000Z',
  receivedAt: '2026-11-01T10:00:00.100Z',
};

describe('versionTag', () => {
  it('changes with the version and with the place that is shown', () => {
    const tags = [
      vehicleEtag(vehicle, toVehicleView(vehicle, null)),
      vehicleEtag(vehicle, toVehicleView(vehicle, position)),
      vehicleEtag(vehicle, toVehicleView(vehicle, { ...position, time: '2026-11-01T10:00:01.000Z' })),
      vehicleEtag({ ...vehicle, version: 8 }, toVehicleView(vehicle, null)),
    ];
    expect(new Set(tags).size).toBe(tags.length);
    expect(tags[0]).toBe('"7"');
    expect(tags.slice(0, 3).every((tag) => matchesIfMatch(tag, vehicle))).toBe(true);
    expect(matchesIfMatch(tags[3], vehicle)).toBe(false);
  });
});

describe('matchesIfMatch', () => {
  it.each([
    [undefined, true],
    ['*', true],
    ['"7"', true],
    ['"7.mhf0"', true],
    ['"6", "7"', true],
    ['"6"', false],
    ['"77"', false],
    ['W/"7"', true],
    ['W/"7.mhf0"', true],
    ['W/"6"', false],
    ['w/"7"', false],
    ['7', false],
    ['', false],
  ])('If-Match: %s → %s', (header, expected) => expect(matchesIfMatch(header, vehicle)).toBe(expected));
});
