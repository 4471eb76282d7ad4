import { expect, it } from '@jest/globals';
import { formatTime } from './format-time.js';

const NOW = Date.parse('2026-11-30T14:59:59.987Z');

it.each([
  0,
  -1,
  -60_000,
  1,
  9,
  99,
  999,
  59_999,
  60_000,
  NOW,
  NOW + 13,
  NOW - 86_400_000,
  Date.parse('0000-01-01T00:00:00.000Z'),
  Date.parse('-000001-12-31T23:59:59.999Z'),
  Date.parse('+010000-01-01T00:00:00.001Z'),
  8_640_000_000_000_000,
  -8_640_000_000_000_000,
])('formats %i as toISOString does', (timeMs) => {
  expect(formatTime(timeMs)).toBe(new Date(timeMs).toISOString());
  // The second time with the text of the minute that was kept.
  expect(formatTime(timeMs)).toBe(new Date(timeMs).toISOString());
});

it.each([NaN, Infinity, 8_640_000_000_060_000])('refuses %d as toISOString does', (timeMs) =>
  expect(() => formatTime(timeMs)).toThrow(RangeError),
);
