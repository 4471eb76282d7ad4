import { randomBytes } from 'node:crypto';
import { NUMBERS, numberOfLatitude, numberOfSpeed, wireNumber, withNumber } from '../../tools/boxes/index.js';
import { DEVICE_EVERY_MS, type LoadPlan } from './load-plan.js';

/** Turns the numbers of the ledger into values on the wire, and stored values back into numbers. */
export class RunNumbers {
  /** In every picture of this run and in none of another one. */
  readonly mark = randomBytes(8).toString('hex');

  constructor(
    readonly startMs: number,
    private readonly everyMs: LoadPlan['everyMs'],
  ) {}

  /** @param n in the ledger */
  speed(measuredMps: number, n: number, everyMs = this.everyMs.position ?? 1): number {
    return withNumber(measuredMps, NUMBERS.speed, wireNumber(this.startMs, everyMs, n, NUMBERS.speed));
  }

  latitude(measured: number, n: number): number {
    const number = wireNumber(this.startMs, this.everyMs.crash ?? 1, n, NUMBERS.latitude);
    return withNumber(measured, NUMBERS.latitude, number);
  }

  deviceSpeed(measuredMps: number, n: number): number {
    return this.speed(measuredMps, n, DEVICE_EVERY_MS);
  }

  /** @returns the number in the ledger; that of another run is beyond the size of its stream */
  ofPosition(speedMps: number, everyMs = this.everyMs.position ?? 1): number {
    return this.sinceStart(numberOfSpeed(speedMps), everyMs, NUMBERS.speed.count);
  }

  ofDevicePosition(speedMps: number): number {
    return this.ofPosition(speedMps, DEVICE_EVERY_MS);
  }

  ofCrash(lat: number): number {
    return this.sinceStart(numberOfLatitude(lat), this.everyMs.crash ?? 1, NUMBERS.latitude.count);
  }

  private sinceStart(number: number | null, everyMs: number, count: number): number {
    if (number === null) return Infinity;
    const first = Math.floor(this.startMs / everyMs) % count;
    return (number - first + count) % count;
  }
}
