import { expect, it } from '@jest/globals';
import { fittingTimeZones, type NamedPost } from './old-time-zone.js';

const HOUR_MS = 3_600_000;
const WINTER_MS = Date.UTC(2026, 0, 15, 10);
const post = (atMs: number, offsetH: number): NamedPost => ({ atMs, wallMs: atMs + offsetH * HOUR_MS - 400 });

it('accepts the zone of the names, and names the zones that fit another one', () => {
  const posts = [post(WINTER_MS, 7), post(WINTER_MS + 5_000, 7)];
  expect(fittingTimeZones(posts, 'Asia/Bangkok')).toBeNull();
  const zones = fittingTimeZones(posts, 'UTC');
  expect(zones).toContain('Asia/Bangkok');
  expect(zones).not.toContain('Asia/Tokyo');
});

it('tells zones with summer time from those without, and takes half hours', () => {
  const berlin = [post(WINTER_MS, 1), post(WINTER_MS + 180 * 24 * HOUR_MS, 2)];
  expect(fittingTimeZones(berlin, 'Europe/Berlin')).toBeNull();
  const zones = fittingTimeZones(berlin, 'Asia/Bangkok');
  expect(zones).toContain('Europe/Berlin');
  expect(zones).not.toContain('Africa/Lagos');
  expect(fittingTimeZones([post(WINTER_MS, 10.5)], 'UTC')).toContain('Australia/Adelaide');
});

it('decides by the newest documents, and not without any', () => {
  const old = Array.from({ length: 30 }, (_, n) => post(WINTER_MS - n * HOUR_MS, 0));
  const recent = Array.from({ length: 20 }, (_, n) => post(WINTER_MS + n * 1_000, 7));
  expect(fittingTimeZones([...old, ...recent], 'Asia/Bangkok')).toBeNull();
  expect(fittingTimeZones([...old, ...recent], 'UTC')).toContain('Asia/Bangkok');
  expect(fittingTimeZones([], 'UTC')).toBeNull();
  // A program that sets `updatedAt` of every document leaves times that are no offset.
  expect(fittingTimeZones([{ atMs: WINTER_MS, wallMs: WINTER_MS - 40 * HOUR_MS }], 'UTC')).toBeNull();
  expect(fittingTimeZones([{ atMs: WINTER_MS, wallMs: 0 }], 'UTC')).toBeNull();
});
