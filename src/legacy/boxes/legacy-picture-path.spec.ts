import { describe, expect, it } from '@jest/globals';
import { boxFolder, isLegacyPicturePath, legacyPicturePath } from './legacy-picture-path.js';

describe('the path of a picture', () => {
  it.each([
    ['UTC', '2026-03-09T04:07:05.999Z', /^291\/2026\/3\/9\/4_7\/7_5_\d{4}\.jpg$/],
    ['Asia/Bangkok', '2026-03-08T17:00:00.000Z', /^291\/2026\/3\/9\/0_0\/0_0_\d{4}\.jpg$/],
    ['America/New_York', '2027-01-01T04:59:59.000Z', /^291\/2026\/12\/31\/23_59\/59_59_\d{4}\.jpg$/],
  ])('uses local time in %s, without leading zeros', (timeZone, at, pattern) => {
    expect(legacyPicturePath('291', new Date(at), timeZone, 'jpg')).toMatch(pattern);
  });

  it('has a random number of four digits', () => {
    const path = () => legacyPicturePath('291', new Date(0), 'UTC', 'jpg');
    const paths = Array.from({ length: 50 }, path);
    expect(new Set(paths).size).toBeGreaterThan(40);
    for (const each of paths) expect(each).toMatch(/_[1-9]\d{3}\.jpg$/);
  });
});

describe('the folder of a box', () => {
  it.each(['291', 'A-1_b'])('is its code when that is a safe name: %s', (code) => {
    expect(boxFolder(code)).toBe(code);
  });

  it.each([
    '',
    '.',
    '..',
    '../x',
    '/etc',
    'a/b',
    'a\\b',
    'samserver',
    '.samserver',
    'a b',
    'ก',
    'x\0',
    '-rf',
    'a.b',
    'y'.repeat(65),
  ])('is a safe name for %j', (code) => {
    expect(boxFolder(code)).toMatch(/^box-[A-Za-z0-9_-]*-[0-9a-f]{8}$/);
    expect(boxFolder(code).length).toBeLessThanOrEqual(64);
  });

  it('differs between codes', () => {
    const codes = ['a/b', 'a\\b', 'a b', 'a_b', 'a.b'];
    expect(new Set(codes.map(boxFolder)).size).toBe(codes.length);
  });

  it('is not that of uploads over the new API', () => {
    expect(isLegacyPicturePath('samserver/66f0c0ffee0123456789abcd/2026/11/x.jpg')).toBe(false);
    expect(isLegacyPicturePath('291/2026/3/9/14_7/7_12_4711.jpg')).toBe(true);
  });
});
