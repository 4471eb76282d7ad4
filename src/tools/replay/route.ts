/** A way through the grid: straight legs, each along one street, with what its end demands. */
import { BLOCK_M, limitOfStreet, type Crossing } from './city.js';
import type { Random } from './random.js';

export interface Leg {
  readonly from: Crossing;
  readonly to: Crossing;
  /** 0, 90, 180 or 270 */
  readonly headingDeg: number;
  readonly lengthM: number;
  readonly limitMps: number;
  /** At its end: a corner's speed, or 0 to stop. */
  readonly endSpeedMps: number;
  /** How long it stands at its end. */
  readonly stopS: number;
}

/** A right angle in a van with a patient in it. */
export const CORNER_MPS = 5;

/** Of the longer straights of a way without blue lights, how many end in a red light halfway. */
const RED_LIGHT_SHARE = 0.4;

/**
 * @param isUrgent blue lights: no red light stops it
 * @param stopS how long it stands at the destination
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

/** At most three straights: out, across at a street drawn by chance, and out again. */
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
