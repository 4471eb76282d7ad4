import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { LatestPositions } from '../../tracking/index.js';

/** The time that a vehicle's last report was given, and when it came; epoch milliseconds. */
export interface Arrival {
  readonly timeMs: number;
  readonly arrivedMs: number;
}

/**
 * Times that run ahead of the clock (it was set back, or another device of the vehicle is ahead) go on at three quarters of
 * its pace until it has caught up: strictly rising, and no distance looks like a jump for having been driven in no time.
 */
const CATCH_UP_RATE = 0.75;

/** The time of a report that brings none: now, and later than the one before it. */
export function nextArrival(nowMs: number, last: Arrival | null): Arrival {
  if (!last) return { timeMs: nowMs, arrivedMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - last.arrivedMs);
  const slowest = last.timeMs + Math.max(1, Math.floor(elapsedMs * CATCH_UP_RATE));
  return { timeMs: Math.max(nowMs, slowest), arrivedMs: nowMs };
}

/** Gives the reports of old boxes, which bring no time, the time of their arrival: strictly rising for each vehicle. */
@Injectable()
export class ArrivalTimes {
  private readonly last = new Map<string, Arrival>();

  constructor(
    private readonly latest: LatestPositions,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** @param vehicleId of one that is known: as many are kept */
  next(vehicleId: string): number {
    const nowMs = this.clock.nowMs();
    const arrival = nextArrival(nowMs, this.last.get(vehicleId) ?? this.fromStorage(vehicleId, nowMs));
    this.last.set(vehicleId, arrival);
    return arrival.timeMs;
  }

  /** After a restart the board knows the newest. One further ahead than any fix may be is no time to go on from. */
  private fromStorage(vehicleId: string, nowMs: number): Arrival | null {
    const newest = this.latest.of(vehicleId);
    if (!newest || newest.timeMs - nowMs > this.settings.positions.maxAheadS * 1_000) return null;
    return { timeMs: newest.timeMs, arrivedMs: newest.receivedAtMs };
  }
}
