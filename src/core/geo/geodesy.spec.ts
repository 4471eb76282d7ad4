import { describe, expect, it } from '@jest/globals';
import { distanceM } from './geodesy.js';

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
