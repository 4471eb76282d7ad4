import { describe, expect, it } from '@jest/globals';
import { positionGeoJson, positionJson } from './position-json.js';
import { type Position, toPositionView } from './position.js';

const FULL: Required<Omit<Position, 'originalFields' | 'roleEpoch'>> = {
  vehicleId: '66f0c0ffee0123456789abcd',
  lat: -0.000_000_1,
  lon: 11.575_000_000_000_001,
  speedMps: 1.234_567_8e-17,
  headingDeg: 360,
  accuracyM: 0,
  altitudeM: -999.5,
  batteryPct: 83,
  ignition: false,
  attributes: { text: `"<&>\u2028🚑`, list: [1, null, { a: -0 }], '': {} },
  timeMs: Date.parse('2026-11-30T12:00:00.007Z'),
  receivedAtMs: Date.parse('1999-12-31T23:59:59.999Z'),
};

/** Every combination of optional fields, and numbers that JSON writes in another way or not at all. */
const OPTIONAL = [
  'speedMps',
  'headingDeg',
  'accuracyM',
  'altitudeM',
  'batteryPct',
  'ignition',
  'attributes',
] as const;
const POSITIONS: readonly Position[] = [
  ...Array.from({ length: 2 ** OPTIONAL.length }, (_, set) => {
    const dropped = new Set<string>(OPTIONAL.filter((_field, bit) => (set & (1 << bit)) === 0));
    return Object.fromEntries(
      Object.entries(FULL).filter(([name]) => !dropped.has(name)),
    ) as unknown as Position;
  }),
  ...[-0, 1e21, 1e-7, NaN, Infinity, 0.1 + 0.2, Number.MAX_SAFE_INTEGER].map((value) => ({
    ...FULL,
    lat: value,
    altitudeM: value,
  })),
  { ...FULL, originalFields: { secret: 1 } },
];

describe('the text of a position', () => {
  it('is the JSON of its view', () => {
    for (const position of POSITIONS)
      expect(positionJson(position)).toBe(JSON.stringify(toPositionView(position)));
  });

  it('is a GeoJSON point with the rest of its view', () => {
    for (const position of POSITIONS) {
      const { lat, lon, altitudeM, ...properties } = toPositionView(position);
      const coordinates = altitudeM === undefined ? [lon, lat] : [lon, lat, altitudeM];
      const feature = { type: 'Feature', geometry: { type: 'Point', coordinates }, properties };
      expect(positionGeoJson(position)).toBe(JSON.stringify(feature));
    }
  });
});
