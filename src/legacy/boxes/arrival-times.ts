import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { Clock } from '../../core/index.js';
import { LatestPositions } from '../../tracking/index.js';

/** The last report of a vehicle; epoch milliseconds. */
export interface Arrival {
  /** The time that was assigned to the report. */
  readonly timeMs: number;
  /** Time of arrival by the clock. */
  readonly arrivedMs: number;
}

/**
 * The assigned times can be ahead of the clock: it was set back, or another device of the vehicle has a fast clock.
 * Then they advance at this share of the clock's rate until it has caught up. Thus they rise strictly, and a normal
 * distance between two reports does not look like a jump because of too short a time.
 */
const CATCH_UP_RATE = 0.75;

/** The time of a report that contains none: now, but later than the report before. */
export function nextArrival(nowMs: number, last: Arrival | null): Arrival {
  if (!last) return { timeMs: nowMs, arrivedMs: nowMs };
  const elapsedMs = Math.max(0, nowMs - last.arrivedMs);
  const slowest = last.timeMs + Math.max(1, Math.floor(elapsedMs * CATCH_UP_RATE));
  return { timeMs: Math.max(nowMs, slowest), arrivedMs: nowMs };
}

/** Old boxes send no time. This gives their reports the time of arrival, strictly rising for each vehicle. */
@Injectable()
export class ArrivalTimes {
  private readonly last = new Map<string, Arrival>();

  constructor(
    private readonly latest: LatestPositions,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * @param vehicleId of an existing vehicle: one entry per vehicle stays in memory
   * @returns epoch milliseconds
   */
  next(vehicleId: string): number {
    const nowMs = this.clock.nowMs();
    const arrival = nextArrival(nowMs, this.last.get(vehicleId) ?? this.fromStorage(vehicleId, nowMs));
    this.last.set(vehicleId, arrival);
    return arrival.timeMs;
  }

  /**
   * The start value after a restart: the time of the live marker, unless it is further ahead than validation allows.
   */
  private fromStorage(vehicleId: string, nowMs: number): Arrival | null {
    const newest = this.latest.of(vehicleId);
    if (!newest || newest.timeMs - nowMs > this.settings.positions.maxAheadS * 1_000) return null;
    return { timeMs: newest.timeMs, arrivedMs: newest.receivedAtMs };
  }
}
