import { describe, expect, it } from '@jest/globals';
import { distanceM, squaredChord, unitVector } from './geodesy.js';

const munich = { lat: 48.137, lon: 11.575 };

describe('distanceM', () => {
  it.each([
    ['a place and itself', munich, munich, 0, 0],
    ['Munich and Berlin', munich, { lat: 52.52, lon: 13.405 }, 504_000, 2_000],
    ['a degree of latitude', { lat: 0, lon: 0 }, { lat: 1, lon: 0 }, 111_195, 1],
    ['across the antimeridian', { lat: 0, lon: 179.9995 }, { lat: 0, lon: -179.9995 }, 111.2, 0.1],
    ['antipodes', { lat: 30, lon: 20 }, { lat: -30, lon: -160 }, 20_015_115, 1],
    ['both poles', { lat: 90, lon: 12 }, { lat: -90, lon: 77 }, 20_015_115, 1],
  ])('of %s', (_what, from, to, expectedM, toleranceM) => {
    expect(Math.abs(distanceM(from, to) - expectedM)).toBeLessThanOrEqual(toleranceM);
  });
});

describe('squaredChord', () => {
  it('orders places as distanceM does, also at the poles, across the antimeridian and a metre apart', () => {
    const places = [-90, -89.99999, -45, 0, 48.1, 48.10001, 89.9, 90].flatMap((lat) =>
      [-180, -179.99999, -90, 0, 11.5, 11.50001, 179.99999, 180].map((lon) => ({ lat, lon })),
    );
    for (const from of places) {
      const known = places.map((to) => ({
        distance: distanceM(from, to),
        chord: squaredChord(unitVector(from), unitVector(to)),
      }));
      known.sort((one, other) => one.chord - other.chord);
      known.slice(1).forEach(({ distance }, n) => {
        // Both are rounded, by far less than a centimetre.
        expect(distance).toBeGreaterThanOrEqual((known[n]?.distance ?? 0) - 0.01);
      });
    }
  });
});
