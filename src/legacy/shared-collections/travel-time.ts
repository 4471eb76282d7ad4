import { distanceM } from '../../core/index.js';

export interface LatLon {
  /** Degrees, WGS-84. */
  readonly lat: number;
  readonly lon: number;
}

/** A place as other programs write it into a document: numbers, or text that is one. Null for what is no place. */
export function parsePoint(value: unknown): LatLon | null {
  if (typeof value !== 'object' || value === null) return null;
  const { lat, lon } = value as { readonly lat?: unknown; readonly lon?: unknown };
  const [latDeg, lonDeg] = [degrees(lat, 90), degrees(lon, 180)];
  if (latDeg === null || lonDeg === null) return null;
  // What the old schema writes when nobody has set it.
  return latDeg === 0 && lonDeg === 0 ? null : { lat: latDeg, lon: lonDeg };
}

function degrees(value: unknown, limit: number): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Math.abs(number) <= limit ? number : null;
}

/**
 * Whole minutes on the great circle at this speed, as the old server reckoned; null while it stands still or its speed is
 * not known: then there is no such time.
 */
export function greatCircleMinutes(from: LatLon, to: LatLon, speedMps: number | undefined): number | null {
  if (speedMps === undefined || !(speedMps > 0)) return null;
  return Math.round(distanceM(from, to) / speedMps / 60);
}
