import { invalidInput } from '../errors/domain-error.js';
import type { LatLon } from './geodesy.js';

/** WGS-84 degrees. When `west` is greater than `east`, the box crosses the antimeridian. */
export interface BoundingBox {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
}

const NUMBER = /^\s*[+-]?(?:\d{1,3}(?:\.\d{0,20})?|\.\d{1,20})\s*$/;

/**
 * Parses `west,south,east,north`, the order of RFC 7946.
 * @throws input/invalid with the fault of `bbox`
 */
export function parseBoundingBox(text: string): BoundingBox {
  const parts = text.split(',');
  if (parts.length !== 4 || !parts.every((part) => NUMBER.test(part))) {
    throw fault('bbox must be four numbers in degrees: west,south,east,north');
  }
  const [west, south, east, north] = parts.map(Number) as [number, number, number, number];
  if (Math.abs(west) > 180 || Math.abs(east) > 180) {
    throw fault('bbox: west and east must be from -180 to 180 degrees');
  }
  if (Math.abs(south) > 90 || Math.abs(north) > 90) {
    throw fault('bbox: south and north must be from -90 to 90 degrees');
  }
  if (south > north) throw fault('bbox: south must not lie above north (the order is west,south,east,north)');
  return { west, south, east, north };
}

/** The edges are part of the box. 180° east and 180° west are the same meridian. */
export function isInside(box: BoundingBox, { lat, lon }: LatLon): boolean {
  if (lat < box.south || lat > box.north) return false;
  return isBetweenMeridians(box, lon) || (Math.abs(lon) === 180 && isBetweenMeridians(box, -lon));
}

function isBetweenMeridians({ west, east }: BoundingBox, lon: number): boolean {
  return west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
}

function fault(message: string): Error {
  return invalidInput([{ path: 'bbox', message }]);
}
