import { Injectable } from '@nestjs/common';
import { Clock } from './clock.js';

const WINDOW_MS = 60_000;
/** Fewer vehicles say nothing about our clock. */
const MIN_VEHICLES = 3;
/** Vehicles remembered within a window; a fleet is smaller. */
const MAX_REMEMBERED = 20_000;

/**
 * Whether our own clock may be the one that is wrong: one vehicle from the future has a bad clock, most of them have a
 * good one. Whoever judges fixes says what he saw; who watches over the instance asks.
 */
@Injectable()
export class ClockSkewDetector {
  /** By vehicle: when it was last seen, and when it last came from the future. */
  private readonly seen = new Map<string, { atMs: number; futureMs: number }>();

  constructor(private readonly clock: Clock) {}

  note(vehicleId: string, isFuture: boolean): void {
    const nowMs = this.clock.nowMs();
    const known = this.seen.get(vehicleId) ?? { atMs: nowMs, futureMs: -Infinity };
    known.atMs = nowMs;
    if (isFuture) known.futureMs = nowMs;
    this.seen.delete(vehicleId);
    this.seen.set(vehicleId, known);
    const [oldest] = this.seen.keys();
    if (this.seen.size > MAX_REMEMBERED && oldest !== undefined) this.seen.delete(oldest);
  }

  /** Most of the vehicles of the last minute came from the future. */
  get isSkewLikely(): boolean {
    const sinceMs = this.clock.nowMs() - WINDOW_MS;
    let vehicles = 0;
    let future = 0;
    for (const [vehicleId, { atMs, futureMs }] of this.seen) {
      if (atMs < sinceMs) this.seen.delete(vehicleId);
      else {
        vehicles += 1;
        if (futureMs >= sinceMs) future += 1;
      }
    }
    return vehicles >= MIN_VEHICLES && future * 2 > vehicles;
  }
}
