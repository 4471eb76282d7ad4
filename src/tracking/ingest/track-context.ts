import type { Position } from '../../core/index.js';
import type { StoredPosition } from '../stored-position.js';
import { TimeLine } from './time-line.js';

/** How the memory reads on in storage, for what it was not given at the start. */
export interface TrackStorage {
  /** The newest good fix before this time. */
  findBefore(vehicleId: string, timeMs: number): Promise<StoredPosition | null>;
  /** The oldest good fix after this time. */
  findAfter(vehicleId: string, timeMs: number): Promise<StoredPosition | null>;
  /** Held jumps next to `timeMs` within (afterMs, beforeMs), a handful on each side. */
  findHeldJumps(vehicleId: string, timeMs: number, afterMs: number, beforeMs: number): Promise<Position[]>;
}

export interface KnownTrack {
  /** The newest good fix that storage has, by its own time. */
  readonly newest: StoredPosition | null;
  /** Good fixes of storage at or around the times of the reports. */
  readonly good: readonly StoredPosition[];
  /** Whether `good` holds all there is from the one before the first report to the last report. */
  readonly isComplete: boolean;
}

/**
 * What is known of one vehicle's track while some of its reports are judged: storage's word, and on top of it what
 * these reports have added. Nothing is remembered from one group to the next: other instances write the same tracks.
 */
export class TrackContext {
  private readonly good = new TimeLine<StoredPosition>();
  private readonly jumps = new TimeLine<Position>();

  constructor(
    private readonly vehicleId: string,
    private readonly known: KnownTrack,
    private readonly storage: TrackStorage,
  ) {
    for (const position of known.good) this.good.add(position);
    if (known.newest) this.good.add(known.newest);
  }

  /** Whether storage knew a newer one before these reports came. */
  isLate(report: Position): boolean {
    return this.known.newest !== null && report.timeMs < this.known.newest.timeMs;
  }

  /** The good fix of exactly this time. */
  at(timeMs: number): StoredPosition | null {
    return this.good.at(timeMs);
  }

  accept(report: Position): void {
    this.good.add(report);
    this.jumps.remove(report.timeMs);
  }

  holdJump(report: Position): void {
    if (this.jumps.at(report.timeMs) === null) this.jumps.add(report);
  }

  /** The newest good fix before this time. */
  async before(timeMs: number): Promise<StoredPosition | null> {
    const here = this.good.before(timeMs);
    const isAllHere =
      this.known.isComplete || this.known.newest === null || this.known.newest.timeMs < timeMs;
    if (isAllHere) return here;
    const there = await this.storage.findBefore(this.vehicleId, timeMs);
    return here && (!there || here.timeMs > there.timeMs) ? here : there;
  }

  /** The held jumps around this time with no good fix between, ascending, one for each time. */
  async jumpsAround(timeMs: number): Promise<Position[]> {
    const before = await this.before(timeMs);
    const there = this.isAfterNewest(timeMs) ? null : await this.storage.findAfter(this.vehicleId, timeMs);
    const fromMs = before?.timeMs ?? -Infinity;
    const toMs = Math.min(there?.timeMs ?? Infinity, this.good.after(timeMs)?.timeMs ?? Infinity);
    const line = new TimeLine<Position>();
    for (const jump of await this.storage.findHeldJumps(this.vehicleId, timeMs, fromMs, toMs)) line.add(jump);
    for (const jump of this.jumps.between(fromMs, toMs)) line.add(jump);
    return line.between(fromMs, toMs);
  }

  private isAfterNewest(timeMs: number): boolean {
    return this.known.newest === null || this.known.newest.timeMs <= timeMs;
  }
}
