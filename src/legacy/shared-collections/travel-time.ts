import { distanceM, type LatLon } from '../../core/index.js';

/** A point from a document of another program: numbers, or numbers as text. Null for anything else. */
export function parsePoint(value: unknown): LatLon | null {
  if (typeof value !== 'object' || value === null) return null;
  const { lat, lon } = value as { readonly lat?: unknown; readonly lon?: unknown };
  const [latDeg, lonDeg] = [degrees(lat, 90), degrees(lon, 180)];
  if (latDeg === null || lonDeg === null) return null;
  // 0,0 is the old schema's default for a missing place.
  return latDeg === 0 && lonDeg === 0 ? null : { lat: latDeg, lon: lonDeg };
}

function degrees(value: unknown, limit: number): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Math.abs(number) <= limit ? number : null;
}

/** Readers convert minutes to a 32-bit integer; one vehicle with a larger number would fail their whole list. */
const MAX_MINUTES = 0x7fff_ffff;

/** Great-circle distance by speed in minutes, a fraction like the old server's; null without a speed above 0. */
export function greatCircleMinutes(from: LatLon, to: LatLon, speedMps: number | undefined): number | null {
  if (speedMps === undefined || !(speedMps > 0)) return null;
  const minutes = distanceM(from, to) / speedMps / 60;
  return minutes <= MAX_MINUTES ? minutes : null;
}
