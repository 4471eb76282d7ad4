import { describe, expect, it } from '@jest/globals';
import { simulateAmbulance } from './simulated-ambulance.js';
import {
  BLOCK_M,
  CENTRE,
  HALF_BLOCKS,
  HIGHEST_LIMIT_MPS,
  HOSPITALS,
  limitOfStreet,
  nearestHospital,
  CORNER_MPS,
  routeBetween,
} from './city.js';
import { seededRandom } from './random.js';
import type { TrackFix } from './track.js';

type SimulatedFix = Omit<TrackFix, 'timeMs'>;

const HOUR = 3600;
const METRES_PER_DEGREE = (Math.PI / 180) * 6_371_008.8;

function take(seed: number, index: number, count: number, rateHz = 1): SimulatedFix[] {
  const fixes: SimulatedFix[] = [];
  for (const fix of simulateAmbulance(seed, index, rateHz)) {
    fixes.push(fix);
    if (fixes.length === count) break;
  }
  return fixes;
}

function metres(a: SimulatedFix, b: SimulatedFix): { east: number; north: number } {
  return {
    east: (b.lon - a.lon) * METRES_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180),
    north: (b.lat - a.lat) * METRES_PER_DEGREE,
  };
}

function pairs(fixes: readonly SimulatedFix[]): [SimulatedFix, SimulatedFix][] {
  return fixes.slice(1).map((fix, index) => [fixes[index]!, fix]);
}

describe('driveAround', () => {
  const hour = take(1, 0, HOUR);

  it('is equal for equal seeds and different for each ambulance', () => {
    expect(take(7, 2, 100)).toEqual(take(7, 2, 100));
    expect(take(7, 2, 100)).not.toEqual(take(7, 3, 100));
    expect(take(8, 2, 100)).not.toEqual(take(7, 2, 100));
  });

  it('keeps to the limits of its streets and inside the city', () => {
    for (const { lat, lon, speedMps, accuracyM, headingDeg } of hour) {
      expect(speedMps!).toBeGreaterThanOrEqual(0);
      expect(speedMps!).toBeLessThanOrEqual(HIGHEST_LIMIT_MPS + 0.01);
      expect(accuracyM!).toBeGreaterThanOrEqual(3);
      expect(accuracyM!).toBeLessThanOrEqual(12);
      expect(headingDeg! >= 0 && headingDeg! < 360).toBe(true);
      const { east, north } = metres({ ...CENTRE }, { lat, lon });
      expect(Math.max(Math.abs(east), Math.abs(north))).toBeLessThan(HALF_BLOCKS * BLOCK_M + 10);
    }
  });

  it('never jumps, and changes its speed as a van can', () => {
    for (const [before, after] of pairs(hour)) {
      const { east, north } = metres(before, after);
      expect(Math.hypot(east, north)).toBeLessThan(HIGHEST_LIMIT_MPS + 5);
      expect(after.speedMps! - before.speedMps!).toBeLessThan(2.4);
      expect(before.speedMps! - after.speedMps!).toBeLessThan(4);
    }
  });

  it('has the heading of its movement', () => {
    const straight = pairs(hour).filter(
      ([before, after]) =>
        before.speedMps! > 8 &&
        after.speedMps! > 8 &&
        Math.abs(((after.headingDeg! - before.headingDeg! + 540) % 360) - 180) < 20,
    );
    expect(straight.length).toBeGreaterThan(500);
    for (const [before, after] of straight) {
      const { east, north } = metres(before, after);
      const bearing = (Math.atan2(east, north) * 180) / Math.PI;
      expect(Math.abs(((bearing - after.headingDeg! + 540) % 360) - 180)).toBeLessThan(20);
    }
  });

  it('stops and continues', () => {
    const standing = hour.filter((fix) => fix.speedMps === 0).length;
    expect(standing).toBeGreaterThan(200);
    expect(standing).toBeLessThan(0.8 * HOUR);
  });

  it('has the same speed at another rate', () => {
    const tenHertz = take(1, 0, 6000, 10);
    expect(Math.max(...tenHertz.map((fix) => fix.speedMps!))).toBeGreaterThan(12);
    for (const [before, after] of pairs(tenHertz)) {
      const { east, north } = metres(before, after);
      expect(Math.hypot(east, north)).toBeLessThan(5);
    }
  });
});

describe('routeBetween', () => {
  it('follows streets from start to end, each leg under its street’s limit', () => {
    const random = seededRandom(3);
    for (let i = 0; i < 200; i += 1) {
      const from = { east: random.whole(-12, 12), north: random.whole(-12, 12) };
      const to = { east: random.whole(-12, 12), north: random.whole(-12, 12) };
      if (from.east === to.east && from.north === to.north) continue;
      const legs = routeBetween(from, to, i % 2 === 0, 30, random);
      expect(legs[0]!.from).toEqual(from);
      expect(legs.at(-1)).toMatchObject({ to, endSpeedMps: 0, stopS: 30 });
      legs.forEach((leg, index) => {
        if (index > 0) expect(leg.from).toEqual(legs[index - 1]!.to);
        const isAlongRow = leg.from.north === leg.to.north;
        expect(isAlongRow).not.toBe(leg.from.east === leg.to.east);
        expect(leg.limitMps).toBe(limitOfStreet(isAlongRow ? leg.from.north : leg.from.east));
        expect([0, CORNER_MPS]).toContain(leg.endSpeedMps);
        if (i % 2 === 0 && index < legs.length - 1) expect(leg.stopS).toBe(0);
      });
    }
  });
});

describe('nearestHospital', () => {
  it('is the hospital at the place itself', () => {
    for (const hospital of HOSPITALS) expect(nearestHospital(hospital)).toBe(hospital);
  });
});
