import {
  BLOCK_M,
  HALF_BLOCKS,
  nearestHospital,
  STATION,
  toDegrees,
  routeBetween,
  type Crossing,
  type Leg,
} from './city.js';
import { seededRandom, type Random } from './random.js';
import type { TrackFix } from './track.js';

const ACCELERATION_MPS2 = 1.8;
const BRAKING_MPS2 = 2.5;
/** Short enough that no step passes the end of a leg. */
const LONGEST_STEP_S = 0.1;
/** Speed of the last half metre before a stop: braking to exactly zero takes infinitely long. */
const CREEP_MPS = 0.5;

interface Motion {
  readonly eastM: number;
  readonly northM: number;
  readonly headingDeg: number;
  readonly speedMps: number;
}

/**
 * The fixes of one ambulance that drives from the station to an incident, to a hospital and back, without end: one fix
 * every `1 / rateHz` seconds. The same seed and index yield the same fixes.
 * @param index distinguishes the ambulances of one seed
 */
export function* simulateAmbulance(
  seed: number,
  index: number,
  rateHz: number,
): Generator<Omit<TrackFix, 'timeMs'>, never> {
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const receiver = receiverOf(random, 1 / rateHz);
  const stepsPerFix = Math.ceil(1 / rateHz / LONGEST_STEP_S - 1e-9);
  let step = 0;
  for (const motion of motions(random, 1 / rateHz / stepsPerFix)) {
    if (step % stepsPerFix === 0) yield receiver(motion);
    step += 1;
  }
  throw new Error('an ambulance drives for ever');
}

function* motions(random: Random, stepS: number): Generator<Motion> {
  // Starts at a random place, so that the ambulances of a run do not all start at the station.
  let at: Crossing = randomCrossing(random);
  for (;;) {
    const trip = nextTrips(random);
    for (const { to, isUrgent, stopS } of trip) {
      if (to.east === at.east && to.north === at.north) continue;
      const legs = routeBetween(at, to, isUrgent, stopS, random);
      yield* driveLegs(legs, stepS);
      at = to;
    }
  }
}

function nextTrips(random: Random): { to: Crossing; isUrgent: boolean; stopS: number }[] {
  const incident = randomCrossing(random);
  const trips = [
    { to: incident, isUrgent: true, stopS: random.between(40, 120) },
    { to: nearestHospital(incident), isUrgent: random.next() < 0.5, stopS: random.between(40, 90) },
  ];
  // Half of the ambulances get a new call before they are back at the station.
  return random.next() < 0.5
    ? trips
    : [...trips, { to: STATION, isUrgent: false, stopS: random.between(20, 60) }];
}

function* driveLegs(legs: readonly Leg[], stepS: number): Generator<Motion> {
  let speedMps = 0;
  let alongM = 0;
  for (const leg of legs) {
    while (alongM < leg.lengthM) {
      yield motionOn(leg, alongM, speedMps);
      const brakingMps = Math.sqrt(leg.endSpeedMps ** 2 + 2 * BRAKING_MPS2 * (leg.lengthM - alongM));
      const wantedMps = Math.min(speedMps + ACCELERATION_MPS2 * stepS, leg.limitMps, brakingMps);
      speedMps = Math.max(wantedMps, CREEP_MPS);
      alongM += speedMps * stepS;
    }
    // The distance beyond a corner is driven on the next street.
    alongM = leg.endSpeedMps > 0 ? alongM - leg.lengthM : 0;
    if (leg.endSpeedMps > 0) continue;
    speedMps = 0;
    for (let stoodS = 0; stoodS < leg.stopS; stoodS += stepS) yield motionOn(leg, leg.lengthM, 0);
  }
}

function motionOn(leg: Leg, alongM: number, speedMps: number): Motion {
  const share = alongM / leg.lengthM;
  return {
    eastM: (leg.from.east + (leg.to.east - leg.from.east) * share) * BLOCK_M,
    northM: (leg.from.north + (leg.to.north - leg.from.north) * share) * BLOCK_M,
    headingDeg: leg.headingDeg,
    speedMps,
  };
}

/**
 * The error of a receiver drifts and does not jump. Its standard deviation on each axis is a tenth of the reported
 * accuracy.
 */
function receiverOf(random: Random, periodS: number): (motion: Motion) => Omit<TrackFix, 'timeMs'> {
  const correlation = 0.95 ** periodS;
  const innovation = Math.sqrt(1 - correlation ** 2);
  let accuracyM = random.between(3, 8);
  let errorEast = 0;
  let errorNorth = 0;
  return ({ eastM, northM, headingDeg, speedMps }) => {
    accuracyM = Math.min(12, Math.max(3, accuracyM + random.gauss() * 0.4 * Math.sqrt(periodS)));
    errorEast = correlation * errorEast + innovation * random.gauss();
    errorNorth = correlation * errorNorth + innovation * random.gauss();
    const { lat, lon } = toDegrees(
      eastM + (errorEast * accuracyM) / 10,
      northM + (errorNorth * accuracyM) / 10,
    );
    return {
      lat: round(lat, 7),
      lon: round(lon, 7),
      speedMps: round(speedMps, 2),
      // A receiver at rest keeps its last course.
      headingDeg:
        speedMps === 0 ? headingDeg : round((headingDeg + 360 + 1.5 * clampedGauss(random)) % 360, 1) % 360,
      accuracyM: round(accuracyM, 1),
    };
  };
}

function clampedGauss(random: Random): number {
  return Math.max(-3, Math.min(3, random.gauss()));
}

function randomCrossing(random: Random): Crossing {
  return {
    east: random.whole(-HALF_BLOCKS, HALF_BLOCKS),
    north: random.whole(-HALF_BLOCKS, HALF_BLOCKS),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
