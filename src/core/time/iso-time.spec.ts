import { describe, expect, it } from '@jest/globals';
import { parseTime } from './iso-time.js';

describe('parseTime', () => {
  it('gives the same for what toISOString writes and for the same time written otherwise', () => {
    for (const text of [
      '2026-11-01T10:00:00.000Z',
      '2026-11-01T23:59:59.999Z',
      '2024-02-29T00:00:00.001Z',
      '0001-01-01T00:00:00.000Z',
      '1969-12-31T23:59:59.123Z',
    ]) {
      expect(parseTime(text)).toBe(Date.parse(text));
      expect(parseTime(text.replace('T', ' '))).toBe(Date.parse(text));
    }
  });

  it('refuses a time that does not exist, also after another time of a day', () => {
    expect(parseTime('2026-04-30T10:00:00.000Z')).toBe(Date.UTC(2026, 3, 30, 10));
    for (const text of [
      '2026-04-31T10:00:00.000Z',
      '2026-04-30T25:00:00.000Z',
      '2026-04-30T10:60:00.000Z',
      '2026-04-30T10:00:61.000Z',
      '2026-04-30T10:00:0a.000Z',
      '2026-04-30T10:00:00.00aZ',
      '2026-04-30T1 :00:00.000Z',
      'abcd-04-30T10:00:00.000Z',
    ])
      expect(parseTime(text)).toBeNull();
  });

  it('counts second 60 as the next second, as without the fast path', () => {
    expect(parseTime('2016-12-31T23:59:60.500Z')).toBe(Date.UTC(2017, 0, 1, 0, 0, 0, 500));
  });
});
