import { describe, expect, it } from '@jest/globals';
import { boxCodeIn, measurementsIn, numberIn, speedKmh } from './legacy-fields.js';

describe('a number in a field', () => {
  it.each([
    [13.7563, 13.7563],
    ['13.7563', 13.7563],
    [' -0.5 ', -0.5],
    ['+3', 3],
    ['.5', 0.5],
    ['5.', 5],
    ['1e2', 100],
    ['', null],
    [' ', null],
    ['nan', null],
    ['NaN', null],
    [NaN, null],
    [Infinity, null],
    ['Infinity', null],
    ['1e999', null],
    ['0x10', null],
    ['13,75', null],
    ['12abc', null],
    ['1'.repeat(41), null],
    [null, null],
    [undefined, null],
    [true, null],
    [[5], null],
    [{}, null],
  ])('%j is %j', (given, number) => {
    expect(numberIn(given)).toBe(number);
  });

  it('gets the name of a measurement, and is left out when absent', () => {
    expect(
      measurementsIn({
        tracking_latitude: '1',
        tracking_longitude: 2,
        tracking_speed: 'nan',
        tracking_heading: '90',
      }),
    ).toEqual({ lat: 1, lon: 2, headingDeg: 90 });
  });
});

describe('a speed for panels', () => {
  it.each([
    [10, 36],
    ['10', 36],
    ['', 0],
    [null, 0],
    [undefined, null],
    ['nan', null],
    ['1e999', null],
    [[10], null],
    [{ valueOf: 3 }, null],
  ])('%j m/s is %j km/h', (given, kmh) => {
    expect(speedKmh(given)).toBe(kmh);
  });
});

describe('a box code', () => {
  it.each([
    ['291', '291'],
    [291, '291'],
    ['', ''],
    [undefined, null],
    [null, null],
    [['291'], null],
    [{ $gt: '' }, null],
    [true, null],
  ])('%j is %j', (given, code) => {
    expect(boxCodeIn({ ambulance_id: given })).toBe(code);
  });
});
