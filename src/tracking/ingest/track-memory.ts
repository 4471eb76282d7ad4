import { Injectable } from '@nestjs/common';
import type { Position } from '../../core/index.js';
import { TrackOwnership } from './track-ownership.js';

/** Vehicles in memory: at most twice as many. Each takes about 300 bytes, up to 700 with `MAX_HELD_TIMES`. */
const MAX_VEHICLES = 25_000;
/** A vehicle with more quarantined times after its newest good position is read for each group. */
export const MAX_HELD_TIMES = 16;

/** What decides about later positions of the same vehicle. */
export type KnownFix = Pick<Position, 'vehicleId' | 'timeMs' | 'receivedAtMs' | 'lat' | 'lon' | 'accuracyM'>;

/** What decides about the positions of a vehicle that are newer than all that storage has. */
export interface KnownTrack {
  /** The newest good position by its own time; null: there is none. */
  readonly newest: KnownFix | null;
  /** The times of the quarantined positions after it, held or released, epoch milliseconds; null: too many. */
  readonly heldTimesMs: readonly number[] | null;
}

/** The state of a vehicle's track after a group. */
export interface TrackEnd extends KnownTrack {
  readonly vehicleId: string;
}

/** The use of the memory by one group. */
export interface MemoryUse {
  readonly vehicleIds: readonly string[];
  /** Vehicles that must not be kept after the group; null: all. */
  forgotten: Set<string> | null;
}

/**
 * The ends of the tracks of the vehicles that report, so that in the steady state a group reads nothing from storage. It is
 * bounded: vehicles that have not reported for the longest time are forgotten. A track is in memory only while storage has the
 * same: `TrackOwnership` excludes changes by other instances, and each change by this one updates the track or forgets it.
 */
@Injectable()
export class TrackMemory {
  /** The tracks used since these two maps changed places, and those used before. */
  private recent = new Map<string, KnownTrack>();
  private older = new Map<string, KnownTrack>();
  private readonly uses = new Set<MemoryUse>();
  private begun: Promise<unknown> = Promise.resolve();
  /** Vehicles with a write that the database may still execute → end of that time, `performance.now()`. */
  private readonly inDoubt = new Map<string, number>();

  constructor(private readonly ownership: TrackOwnership) {}

  /** Call it before a group uses `find`. Each use ends with `end`. @throws storage/unavailable */
  begin(vehicleIds: readonly string[]): Promise<MemoryUse> {
    // One claim at a time: the next one relies on what this one has seen, and on that its tracks are forgotten.
    const begun = this.begun.then(() => this.claim(vehicleIds));
    this.begun = begun.catch(() => undefined);
    return begun;
  }

  private async claim(vehicleIds: readonly string[]): Promise<MemoryUse> {
    const use: MemoryUse = { vehicleIds, forgotten: new Set() };
    this.uses.add(use);
    try {
      const outdated = await this.ownership.claim(vehicleIds);
      this.forget(outdated);
      // What is read from now on is newer than the claim.
      if (outdated !== null) use.forgotten = new Set();
      return use;
    } catch (error) {
      this.end(use);
      throw error;
    }
  }

  /** null: it must be read from storage */
  find(vehicleId: string): KnownTrack | null {
    const known = this.recent.get(vehicleId);
    if (known) return known;
    const old = this.older.get(vehicleId);
    if (old) this.set(vehicleId, old);
    return old ?? null;
  }

  /**
   * Call it when the group is durable, before it is acknowledged.
   * @throws storage/unavailable
   */
  async confirm(use: MemoryUse): Promise<void> {
    this.forget(await this.ownership.confirm(use.vehicleIds));
  }

  /** Keeps the ends of the tracks of a confirmed group, except for those that were forgotten meanwhile. */
  keep({ forgotten }: MemoryUse, tracks: Iterable<TrackEnd>): void {
    if (forgotten === null) return;
    for (const { vehicleId, newest, heldTimesMs } of tracks) {
      if (forgotten.has(vehicleId) || this.isInDoubt(vehicleId)) continue;
      // What is in memory is from before this group.
      if (heldTimesMs === null) this.forget([vehicleId]);
      else this.set(vehicleId, { newest: newest && knownFixOf(newest), heldTimesMs });
    }
  }

  /** Call it after `begin`, whatever the outcome of the group is. */
  end(use: MemoryUse): void {
    this.uses.delete(use);
  }

  /**
   * Call it after a change of tracks in storage outside of a group, before the change is published or acknowledged.
   * @throws storage/unavailable
   */
  async noteChange(vehicleIds: readonly string[]): Promise<void> {
    this.forget(vehicleIds);
    this.forget(await this.ownership.confirm(vehicleIds));
  }

  /** Keeps no track of these vehicles for this time, because the database may still execute a write of them. */
  forgetWhileInDoubt(vehicleIds: readonly string[], forMs: number): void {
    const nowMs = performance.now();
    for (const [id, untilMs] of this.inDoubt) if (untilMs < nowMs) this.inDoubt.delete(id);
    for (const id of vehicleIds) this.inDoubt.set(id, nowMs + forMs);
    this.forget(vehicleIds);
  }

  /** @param vehicleIds null: all */
  forget(vehicleIds: readonly string[] | null): void {
    if (vehicleIds === null) {
      this.recent.clear();
      this.older.clear();
      for (const use of this.uses) use.forgotten = null;
      return;
    }
    for (const id of vehicleIds) {
      this.recent.delete(id);
      this.older.delete(id);
      for (const use of this.uses) use.forgotten?.add(id);
    }
  }

  private set(vehicleId: string, track: KnownTrack): void {
    if (this.recent.size >= MAX_VEHICLES && !this.recent.has(vehicleId)) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(vehicleId, track);
  }

  private isInDoubt(vehicleId: string): boolean {
    const untilMs = this.inDoubt.get(vehicleId);
    return untilMs !== undefined && performance.now() < untilMs;
  }
}

/** Without the attributes and the original fields, which can be 2 KB and 64 kB. */
function knownFixOf({ vehicleId, timeMs, receivedAtMs, lat, lon, accuracyM }: KnownFix): KnownFix {
  return { vehicleId, timeMs, receivedAtMs, lat, lon, ...(accuracyM !== undefined && { accuracyM }) };
}
