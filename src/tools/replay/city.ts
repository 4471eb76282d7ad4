/** An invented city: a street grid around a round number of degrees, with places that have names. */

/** A crossing, in blocks east and north of the centre. */
export interface Crossing {
  readonly east: number;
  readonly north: number;
}

export interface Place extends Crossing {
  readonly name: string;
}

/** Nobody's address: the point where two round numbers meet. */
export const CENTRE = { lat: 50, lon: 10 } as const;

export const BLOCK_M = 150;
/** Blocks from the centre to each edge. */
export const HALF_BLOCKS = 12;

const AVENUE_EVERY = 6;
const AVENUE_LIMIT_MPS = 70 / 3.6;
const STREET_LIMIT_MPS = 50 / 3.6;
export const HIGHEST_LIMIT_MPS = AVENUE_LIMIT_MPS;

export const STATION: Place = { name: 'Station Bridge Street', east: 1, north: -2 };
export const HOSPITALS: readonly Place[] = [
  { name: 'Harbour Hospital', east: -9, north: -6 },
  { name: 'Northgate Children’s Hospital', east: 4, north: 10 },
  { name: 'Hospital of the Three Elms', east: 10, north: -3 },
];

/** @param index of a street counted from the centre: every sixth is an avenue */
export function limitOfStreet(index: number): number {
  return index % AVENUE_EVERY === 0 ? AVENUE_LIMIT_MPS : STREET_LIMIT_MPS;
}

export function nearestHospital(from: Crossing): Place {
  const blocks = (place: Place): number =>
    Math.abs(place.east - from.east) + Math.abs(place.north - from.north);
  return HOSPITALS.reduce((best, place) => (blocks(place) < blocks(best) ? place : best));
}

/** Metres of one degree of latitude on the WGS-84 mean sphere. */
const METRES_PER_DEGREE = (Math.PI / 180) * 6_371_008.8;

/** A plane is exact enough over four kilometres. */
export function toDegrees(eastM: number, northM: number): { lat: number; lon: number } {
  return {
    lat: CENTRE.lat + northM / METRES_PER_DEGREE,
    lon: CENTRE.lon + eastM / (METRES_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180)),
  };
}
