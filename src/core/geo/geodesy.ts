/** A place on the earth: degrees, WGS-84. */
export interface LatLon {
  /** −90…90 */
  readonly lat: number;
  /** −180…180 */
  readonly lon: number;
}

/** IUGG mean radius R1. */
const EARTH_RADIUS_M = 6_371_008.8;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great-circle distance on the mean sphere (haversine), metres; within 0.6 % of the distance on the ellipsoid. */
export function distanceM(from: LatLon, to: LatLon): number {
  const dLat = radians(to.lat - from.lat);
  const dLon = radians(to.lon - from.lon);
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * Math.sin(dLon / 2) ** 2;
  // Rounding can lift the value for antipodes above 1, where asin is undefined.
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(Math.min(1, h)));
}

/** A place as a point on a sphere of radius 1. */
export interface UnitVector {
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export function unitVector({ lat, lon }: LatLon): UnitVector {
  const [phi, lambda] = [radians(lat), radians(lon)];
  const radius = Math.cos(phi);
  return { x: radius * Math.cos(lambda), y: radius * Math.sin(lambda), z: Math.sin(phi) };
}

/** Grows with `distanceM` and needs no trigonometry; 0…4. */
export function squaredChord(one: UnitVector, other: UnitVector): number {
  return (one.x - other.x) ** 2 + (one.y - other.y) ** 2 + (one.z - other.z) ** 2;
}
