import { describe, expect, it } from '@jest/globals';
import { endingClassOf } from './ending-posts.js';

const GOOD = {
  ambulance_id: '291',
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '4.7e-05',
  tracking_heading: '90',
};

/** test/e2e/legacy-tee.spec.ts shows the same with the old server. */
describe('endingClassOf', () => {
  it.each([
    ['nothing', {}, null],
    ['a number', { tracking_speed: 0, ambulance_id: 291 }, null],
    [
      'nan in the heading and text in the place',
      { tracking_heading: 'nan', tracking_latitude: 'north' },
      null,
    ],
    ['no speed', { tracking_speed: undefined }, 'speed'],
    ['a speed of nan', { tracking_speed: 'nan' }, 'speed'],
    ['an infinite speed', { tracking_speed: '1e308' }, 'speed'],
    ['an infinite place', { tracking_longitude: '-Infinity' }, 'place'],
    ['a list as its speed', { tracking_speed: ['1', '2'] }, 'nested'],
    ['a name with brackets', { 'tracking_speed[]': '1' }, 'nested'],
    ['no box code', { ambulance_id: undefined }, 'nested'],
  ])('of a position with %s', (_, more, expected) => {
    expect(endingClassOf({ kind: 'position', fields: { ...GOOD, ...more } })).toBe(expected);
  });

  it('leaves the values of a crash report to the old server, which stores none with nan and does not end at them', () => {
    expect(endingClassOf({ kind: 'crash', fields: { ...GOOD, tracking_speed: 'nan' } })).toBeNull();
    expect(endingClassOf({ kind: 'crash', fields: { ...GOOD, tracking_heading: {} } })).toBe('nested');
  });

  it.each([
    [['im1.jpg', 'dotless', 'a.b.c'], null],
    [[`a.${'x'.repeat(241)}`], 'name'],
    [['a.b\0c'], 'name'],
  ])('of pictures with the names %j', (filenames, expected) => {
    expect(endingClassOf({ kind: 'picture', fields: { ambulance_id: '291' }, filenames })).toBe(expected);
  });
});
