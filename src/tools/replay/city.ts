import type { Random } from './random.js';

/** A crossing, in blocks east and north of the centre. */
export interface Crossing {
  readonly east: number;
  readonly north: number;
}

export interface Place extends Crossing {
  readonly name: string;
}

/** The centre of the invented city: round numbers of degrees. */
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

/** @param index number of the street from the centre; every sixth street is an avenue */
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

/** Treats the surface as a plane, which is exact enough over four kilometres. */
export function toDegrees(eastM: number, northM: number): { lat: number; lon: number } {
  return {
    lat: CENTRE.lat + northM / METRES_PER_DEGREE,
    lon: CENTRE.lon + eastM / (METRES_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180)),
  };
}

export interface Leg {
  readonly from: Crossing;
  readonly to: Crossing;
  /** 0, 90, 180 or 270 */
  readonly headingDeg: number;
  readonly lengthM: number;
  readonly limitMps: number;
  /** Speed at the end of the leg: that of a corner, or 0 for a stop. */
  readonly endSpeedMps: number;
  /** Duration of the stop at the end. */
  readonly stopS: number;
}

/** Speed in a right-angled corner with a patient on board. */
export const CORNER_MPS = 5;

/** Share of the straights of two blocks or more that have a red light, on a drive without blue lights. */
const RED_LIGHT_SHARE = 0.4;

/**
 * The legs through the street grid, each along one street.
 * @param isUrgent with blue lights: no stop at red lights
 * @param stopS duration of the stop at the destination
 */
export function routeBetween(
  from: Crossing,
  to: Crossing,
  isUrgent: boolean,
  stopS: number,
  random: Random,
): Leg[] {
  const stretches = turnsBetween(from, to, random).flatMap(([start, end]) =>
    isUrgent ? [{ start, end, lightS: 0 }] : withRedLight(start, end, random),
  );
  return stretches.map(({ start, end, lightS }, index) => {
    const isLast = index === stretches.length - 1;
    const waitS = isLast ? stopS : lightS;
    return {
      from: start,
      to: end,
      headingDeg: headingOf(start, end),
      lengthM: blocksBetween(start, end) * BLOCK_M,
      limitMps: limitOfStreet(start.north === end.north ? start.north : start.east),
      endSpeedMps: isLast || waitS > 0 ? 0 : CORNER_MPS,
      stopS: waitS,
    };
  });
}

/** At most three straights, with the crossing street chosen at random. */
function turnsBetween(from: Crossing, to: Crossing, random: Random): [Crossing, Crossing][] {
  const isEastFirst = random.next() < 0.5;
  const between = isEastFirst
    ? random.whole(Math.min(from.east, to.east), Math.max(from.east, to.east))
    : random.whole(Math.min(from.north, to.north), Math.max(from.north, to.north));
  const corners: Crossing[] = isEastFirst
    ? [from, { east: between, north: from.north }, { east: between, north: to.north }, to]
    : [from, { east: from.east, north: between }, { east: to.east, north: between }, to];
  const distinct = corners.filter((corner, index) => {
    const before = corners[index - 1];
    return before === undefined || blocksBetween(before, corner) > 0;
  });
  return distinct.slice(1).map((corner, index) => [distinct[index] ?? from, corner]);
}

function withRedLight(
  start: Crossing,
  end: Crossing,
  random: Random,
): { start: Crossing; end: Crossing; lightS: number }[] {
  const blocks = blocksBetween(start, end);
  if (blocks < 2 || random.next() > RED_LIGHT_SHARE) return [{ start, end, lightS: 0 }];
  const at = random.whole(1, blocks - 1) / blocks;
  const light = {
    east: Math.round(start.east + (end.east - start.east) * at),
    north: Math.round(start.north + (end.north - start.north) * at),
  };
  return [
    { start, end: light, lightS: random.between(5, 25) },
    { start: light, end, lightS: 0 },
  ];
}

function blocksBetween(a: Crossing, b: Crossing): number {
  return Math.abs(a.east - b.east) + Math.abs(a.north - b.north);
}

function headingOf(start: Crossing, end: Crossing): number {
  if (start.north === end.north) return end.east > start.east ? 90 : 270;
  return end.north > start.north ? 0 : 180;
}
