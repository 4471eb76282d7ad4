import { describe, expect, it } from '@jest/globals';
import { type BoundingBox, distanceM, isInside, type LatLon, type Position } from '../../core/index.js';
import { MarkerTable } from './marker-table.js';

/** xorshift32: the same numbers in every run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

const COUNT = 2_000;
const NOW_MS = 1_000_000;
const idOf = (n: number): string => `vehicle ${n}`;
const at = (n: number, { lat, lon }: LatLon, timeMs = NOW_MS): Position => ({
  vehicleId: idOf(n),
  lat,
  lon,
  timeMs,
  receivedAtMs: NOW_MS,
});

const areas: readonly (readonly [where: string, center: LatLon, spreadDeg: number, box: BoundingBox])[] = [
  ['in a city', { lat: 48.1, lon: 11.5 }, 0.2, { west: 11.45, south: 48.05, east: 11.55, north: 48.15 }],
  [
    'at the antimeridian',
    { lat: -17, lon: 179.95 },
    0.5,
    { west: 179.9, south: -18, east: -179.9, north: -16.9 },
  ],
  ['at the north pole', { lat: 89.99, lon: 20 }, 360, { west: -10, south: 80, east: 100, north: 90 }],
  ['at the south pole', { lat: -90, lon: 0 }, 360, { west: 100, south: -90, east: -100, north: -70 }],
  ['anywhere', { lat: 10, lon: -100 }, 360, { west: -180, south: -90, east: 180, north: 0 }],
];

describe.each(areas)('a search %s', (_where, center, spreadDeg, box) => {
  const random = randomOf(7);
  const around = (value: number, spread: number): number => value + (random() - 0.5) * spread;
  const table = new MarkerTable();
  const current = new Map<number, Position>();
  // Each vehicle moves once, and some have the edges of the map as their place.
  for (let n = 0; n < 2 * COUNT; n += 1) {
    const lat = Math.max(-90, Math.min(90, around(center.lat, Math.min(spreadDeg, 120))));
    const lon = n % 50 === 0 ? 180 : ((around(center.lon, spreadDeg) + 540) % 360) - 180;
    const position = at(n % COUNT, { lat, lon });
    table.offer(position);
    current.set(n % COUNT, position);
  }
  const all = [...current.values()];
  for (const { vehicleId } of all) table.setStatus(vehicleId, 'available');

  it.each([1, 5, 500, 3_000])('finds the nearest %d that a sort by distance finds', (limit) => {
    const distances = all.map((place) => distanceM(center, place)).sort((one, other) => one - other);
    const { positions } = table.nearest('available', center, limit, 0);
    expect(positions).toHaveLength(Math.min(limit, COUNT));
    positions.forEach((place, n) => expect(distanceM(center, place)).toBeCloseTo(distances[n] ?? 0, 2));
  });

  it('finds what is inside a box', () => {
    const inside = all.filter((place) => isInside(box, place));
    expect(inside.length).toBeGreaterThan(0);
    expect(new Set(table.inside(box))).toEqual(new Set(inside));
    expect(table.inside(null)).toHaveLength(COUNT);
  });
});

describe('the nearest markers', () => {
  const here = { lat: 48, lon: 11 };

  it('are those of the given status; each other one in service counts for its first reason', () => {
    const table = new MarkerTable();
    for (const n of [0, 1, 2, 3, 4]) table.offer(at(n, here, n === 1 ? NOW_MS - 200 : NOW_MS));
    table.setClockBehind(idOf(1), true);
    table.setClockBehind(idOf(2), true);
    table.setClockBehind(idOf(2), false);
    table.offer(at(5, here, NOW_MS - 200));
    table.remove(idOf(3));
    for (const n of [1, 2, 3, 5, 6]) table.setStatus(idOf(n), 'on_scene');
    table.setStatus(idOf(4), 'available');
    const { positions, ...excluded } = table.nearest('on_scene', here, 9, NOW_MS - 100);
    expect(positions.map(({ vehicleId }) => vehicleId)).toEqual([idOf(2)]);
    expect(excluded).toEqual({ status: 1, noPosition: 2, clock: 1, stale: 1 });
  });

  it('are found by the status that they have now', () => {
    const table = new MarkerTable();
    for (const n of [0, 1, 2]) {
      table.offer(at(n, here));
      table.setStatus(idOf(n), 'available');
    }
    table.setStatus(idOf(0), 'dispatched');
    table.setStatus(idOf(1), null);
    const found = (): string[] =>
      table.nearest('available', here, 9, 0).positions.map(({ vehicleId }) => vehicleId);
    expect(found()).toEqual([idOf(2)]);
    table.clearStatuses();
    expect(found()).toEqual([]);
  });

  it('are in the order of their ids when their distances are equal', () => {
    const table = new MarkerTable();
    for (const n of [2, 0, 3, 1]) {
      table.offer(at(n, here));
      table.setStatus(idOf(n), 'available');
    }
    const { positions } = table.nearest('available', here, 3, 0);
    expect(positions.map(({ vehicleId }) => vehicleId)).toEqual([0, 1, 2].map(idOf));
  });
});

describe('a marker', () => {
  it('is the newest position by min(time, receivedAt), the later one of two equals', () => {
    const table = new MarkerTable();
    const ahead = at(0, { lat: 1, lon: 1 }, NOW_MS + 5_000);
    const later = { ...at(0, { lat: 2, lon: 2 }, NOW_MS + 1), receivedAtMs: NOW_MS + 1 };
    for (const position of [ahead, at(0, { lat: 3, lon: 3 }, NOW_MS - 1)]) table.offer(position);
    expect(table.find(idOf(0))).toBe(ahead);
    for (const position of [at(0, { lat: 4, lon: 4 }), later]) table.offer(position);
    expect(table.find(idOf(0))).toBe(later);
  });

  it('keeps a text until it changes', () => {
    const table = new MarkerTable();
    const [first, second] = [at(0, { lat: 1, lon: 1 }), at(0, { lat: 2, lon: 2 })];
    let made = 0;
    const text = (position: Position): string => table.textOf(position, () => String((made += 1)));
    table.offer(first);
    expect([text(first), text(first)]).toEqual(['1', '1']);
    table.setClockBehind(idOf(0), true);
    expect(text(first)).toBe('2');
    table.offer(second);
    expect([text(first), text(second), text(second)]).toEqual(['3', '4', '4']);
  });

  it('keeps no text over 500 characters', () => {
    const table = new MarkerTable();
    const position = at(0, { lat: 1, lon: 1 });
    table.offer(position);
    let made = 0;
    const text = (length: number): void => {
      table.textOf(position, () => {
        made += 1;
        return 'x'.repeat(length);
      });
    };
    text(501);
    text(500);
    expect(made).toBe(2);
    text(500);
    expect(made).toBe(2);
  });
});
