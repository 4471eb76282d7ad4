import type { LegacyFields } from './legacy-fields.js';

const KMH_PER_MPS = 3.6;
const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i;
const MAX_NUMBER_LENGTH = 40;

/** A number, or the text of one; null for everything else: missing, `"nan"`, words, lists. */
export function numberIn(value: unknown): number | null {
  const isText = typeof value === 'string' && value.length <= MAX_NUMBER_LENGTH && NUMBER.test(value);
  const number = isText ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** What the box calls itself, as it is compared: text or a number; null for everything else. */
export function boxCodeIn({ ambulance_id: code }: LegacyFields): string | null {
  return typeof code === 'string' || typeof code === 'number' ? String(code) : null;
}

/**
 * A speed in metres per second as panels see it: km/h, by the rules of the old server's `*`. A text that is no number,
 * and none at all, is null on the wire; an empty text is 0.
 */
export function speedKmh(value: unknown): number | null {
  const isScalar = typeof value !== 'object' && typeof value !== 'undefined' && typeof value !== 'symbol';
  const speedMps = value === null ? 0 : isScalar ? Number(value) : NaN;
  const kmh = speedMps * KMH_PER_MPS;
  return Number.isFinite(kmh) ? kmh : null;
}

/** The measurements of a report in our units, for the one parse that there is; what is absent is left out. */
export function measurementsIn(fields: LegacyFields): Record<string, number> {
  const { tracking_latitude, tracking_longitude, tracking_speed, tracking_heading } = fields;
  const given: readonly (readonly [string, number | null])[] = [
    ['lat', numberIn(tracking_latitude)],
    ['lon', numberIn(tracking_longitude)],
    ['speedMps', numberIn(tracking_speed)],
    ['headingDeg', numberIn(tracking_heading)],
  ];
  return Object.fromEntries(given.flatMap(([name, value]) => (value === null ? [] : [[name, value]])));
}
