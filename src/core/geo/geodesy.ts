/** IUGG mean radius R1. */
const EARTH_RADIUS_M = 6_371_008.8;

interface Place {
  /** Degrees, WGS-84. */
  readonly lat: number;
  readonly lon: number;
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great-circle distance on the mean sphere (haversine), metres; within 0.6 % of the ellipsoid's. */
export function distanceM(from: Place, to: Place): number {
  const dLat = radians(to.lat - from.lat);
  const dLon = radians(to.lon - from.lon);
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(radians(from.lat)) * Math.cos(radians(to.lat)) * Math.sin(dLon / 2) ** 2;
  // Rounding can lift antipodes a hair above 1, where asin has no value.
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(Math.min(1, h)));
}
