import { describe, expect, it } from '@jest/globals';
import { greatCircleMinutes, parsePoint } from './travel-time.js';

describe('parsePoint', () => {
  it.each<[unknown, unknown]>([
    [
      { lat: 13.7, lon: 100.5 },
      { lat: 13.7, lon: 100.5 },
    ],
    [
      { lat: '13.7', lon: '-100.5', more: 1 },
      { lat: 13.7, lon: -100.5 },
    ],
    [
      { lat: 0, lon: 100.5 },
      { lat: 0, lon: 100.5 },
    ],
    [{ lat: 0, lon: 0 }, null],
    [{ lat: '', lon: 1 }, null],
    [{ lat: 'north', lon: 1 }, null],
    [{ lat: NaN, lon: 1 }, null],
    [{ lat: 91, lon: 1 }, null],
    [{ lat: 1, lon: 181 }, null],
    [{ lat: 1 }, null],
    [[1, 2], null],
    ['1,2', null],
    [null, null],
    [undefined, null],
  ])('%j → %j', (value, place) => {
    expect(parsePoint(value)).toEqual(place);
  });
});

describe('greatCircleMinutes', () => {
  const [from, to] = [
    { lat: 13, lon: 100 },
    { lat: 14, lon: 100 },
  ];

  it('is distance by speed: 111,195 m at 20 m/s', () => {
    expect(greatCircleMinutes(from, to, 20)).toBeCloseTo(92.66, 2);
    expect(greatCircleMinutes(from, from, 20)).toBe(0);
  });

  it.each([[0], [undefined], [NaN], [-1], [1e-8]])('is null at a speed of %p', (speedMps) => {
    expect(greatCircleMinutes(from, to, speedMps)).toBeNull();
  });
});
