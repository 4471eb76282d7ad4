import { Injectable } from '@nestjs/common';
import type { Position, QuarantineCode } from '../../core/index.js';
import { quarantineId } from '../position-id.js';
import { PositionsRepository } from '../positions.repository.js';
import { QuarantineRepository } from '../quarantine/quarantine.repository.js';
import { type KnownFix, type KnownTrack, MAX_HELD_TIMES, type TrackEnd } from './track-memory.js';

/**
 * A report with two positions a month apart must not load the whole month: a longer range is read position by position.
 */
const MAX_LOADED_POSITIONS = 2_000;

/** The positions of one vehicle within a group, and the context to validate them in. */
export interface GroupTrack {
  readonly vehicleId: string;
  /** Indexes in the group, in its order. */
  readonly indexes: readonly number[];
  /** Ascending by time. */
  readonly positions: readonly Position[];
  readonly context: TrackContext;
}

type FindTrack = (vehicleId: string) => KnownTrack | null;

/**
 * Loads what the validation of a group needs. Nothing is read from storage for positions that are newer than the known end of
 * their vehicle's track.
 */
@Injectable()
export class TrackContextLoader {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
  ) {}

  /**
   * @param positions of any vehicles, ascending by time
   * @param find the end of a track that is known without a read
   * @returns one entry per vehicle
   * @throws storage/unavailable
   */
  async load(positions: readonly Position[], find: FindTrack = () => null): Promise<GroupTrack[]> {
    const groups = groupsByVehicle(positions);
    for (const group of groups) group.end = find(group.vehicleId);
    const unknown = groups.filter(({ end }) => end === null);
    await Promise.all(unknown.map(async (group) => (group.end = await this.readEnd(group.vehicleId))));
    const older = groups.filter((group) => !isAllNewer(group.positions, group.end));
    const heldCodes =
      older.length === 0
        ? NO_CODES
        : await this.quarantine.findHeldCodes(older.flatMap((group) => group.positions));
    await Promise.all(older.map(async (group) => (group.good = await this.readGood(group))));
    return groups.map(({ vehicleId, indexes, positions: own, end, good }) => {
      const known = { ...(end ?? NO_END), ...good };
      return {
        vehicleId,
        indexes,
        positions: own,
        context: new TrackContext(vehicleId, known, heldCodes, this.positions, this.quarantine),
      };
    });
  }

  private async readEnd(vehicleId: string): Promise<KnownTrack> {
    const [newest, timesMs] = await Promise.all([
      this.positions.findNewest(vehicleId),
      this.quarantine.listNewestTimes(vehicleId, MAX_HELD_TIMES + 1),
    ]);
    const heldTimesMs = timesMs.filter((timeMs) => newest === null || timeMs > newest.timeMs);
    return { newest, heldTimesMs: heldTimesMs.length > MAX_HELD_TIMES ? null : heldTimesMs };
  }

  /** The good positions in storage at or around the times to validate. */
  private async readGood({ vehicleId, positions, end }: VehicleGroup): Promise<KnownGood> {
    const fromMs = positions[0]?.timeMs ?? 0;
    const toMs = positions.at(-1)?.timeMs ?? 0;
    if (!end?.newest || end.newest.timeMs < fromMs) return ONLY_NEWEST;

    const [before, stretch] = await Promise.all([
      this.positions.findBefore(vehicleId, fromMs),
      this.positions.findBetween(vehicleId, fromMs, toMs, MAX_LOADED_POSITIONS + 1),
    ]);
    if (stretch.length <= MAX_LOADED_POSITIONS)
      return { good: before ? [before, ...stretch] : stretch, isComplete: true };
    const same = await this.positions.findStored(positions);
    return { good: [...same.values()], isComplete: false };
  }
}

interface KnownGood {
  /** Good positions in storage at or around the times to validate, without the newest one. */
  readonly good: readonly Position[];
  /** With the newest one, `good` has every position from the one before the first time to the last time. */
  readonly isComplete: boolean;
}

const ONLY_NEWEST: KnownGood = { good: [], isComplete: true };
const NO_END: KnownTrack = { newest: null, heldTimesMs: null };
const NO_CODES: ReadonlyMap<string, QuarantineCode> = new Map();

interface VehicleGroup {
  readonly vehicleId: string;
  readonly indexes: number[];
  readonly positions: Position[];
  end: KnownTrack | null;
  good: KnownGood;
}

function groupsByVehicle(positions: readonly Position[]): VehicleGroup[] {
  const groups = new Map<string, VehicleGroup>();
  let group: VehicleGroup | undefined;
  for (const [index, position] of positions.entries()) {
    const { vehicleId } = position;
    if (group?.vehicleId !== vehicleId) group = groups.get(vehicleId);
    if (!group) {
      group = { vehicleId, indexes: [], positions: [], end: null, good: ONLY_NEWEST };
      groups.set(vehicleId, group);
    }
    group.indexes.push(index);
    group.positions.push(position);
  }
  return [...groups.values()];
}

/** Storage has neither a good position at or after these times nor a quarantined one at any of them. */
function isAllNewer(positions: readonly Position[], end: KnownTrack | null): boolean {
  const heldTimesMs = end?.heldTimesMs ?? null;
  if (end === null || heldTimesMs === null) return false;
  const newestMs = end.newest?.timeMs ?? -Infinity;
  if ((positions[0]?.timeMs ?? -Infinity) <= newestMs) return false;
  return heldTimesMs.length === 0 || positions.every(({ timeMs }) => !heldTimesMs.includes(timeMs));
}

/**
 * One vehicle's track while positions of it are validated: the state of storage, and on top of it the verdicts given so
 * far. It reads from storage what was not loaded.
 */
class TrackContext {
  private readonly good = new TimeLine<KnownFix>();
  private readonly jumps = new TimeLine<Position>();
  /** Times of the quarantined positions of this group. */
  private readonly heldTimesMs: number[] = [];

  constructor(
    private readonly vehicleId: string,
    private readonly known: KnownTrack & KnownGood,
    private readonly heldCodes: ReadonlyMap<string, QuarantineCode>,
    private readonly positions: Pick<PositionsRepository, 'findBefore' | 'findAfter'>,
    private readonly quarantine: Pick<QuarantineRepository, 'findHeldJumps'>,
  ) {
    for (const position of known.good) this.good.add(position);
    if (known.newest) this.good.add(known.newest);
  }

  isAllNewer(positions: readonly Position[]): boolean {
    return isAllNewer(positions, this.known);
  }

  /** The newest good position that storage had before this group. */
  get newest(): KnownFix | null {
    return this.known.newest;
  }

  /** The end of the track after this group. */
  get end(): TrackEnd {
    const { vehicleId, heldTimesMs: added } = this;
    const newest = this.good.last();
    const before = this.known.heldTimesMs;
    if (before === null || (before.length === 0 && added.length === 0))
      return { vehicleId, newest, heldTimesMs: before };
    const newestMs = newest?.timeMs ?? -Infinity;
    const heldTimesMs = [...new Set([...before, ...added])].filter((timeMs) => timeMs > newestMs);
    return { vehicleId, newest, heldTimesMs: heldTimesMs.length > MAX_HELD_TIMES ? null : heldTimesMs };
  }

  /** Time of the newest good position, this group included; -Infinity without one. */
  get newestMs(): number {
    return this.good.last()?.timeMs ?? -Infinity;
  }

  /** True when the position is older than the newest position that storage had before this group. */
  isLate(position: Position): boolean {
    return this.known.newest !== null && position.timeMs < this.known.newest.timeMs;
  }

  /** The quarantine code under which storage holds this vehicle, time and place; null when it does not. */
  heldCode(position: Position): QuarantineCode | null {
    if (this.heldCodes.size === 0) return null;
    return this.heldCodes.get(quarantineId(position).toString('hex')) ?? null;
  }

  /** The good position of exactly this time. */
  at(timeMs: number): KnownFix | null {
    return this.good.at(timeMs);
  }

  accept(position: Position): void {
    this.good.add(position);
    this.jumps.remove(position.timeMs);
  }

  hold(position: Position, code: QuarantineCode): void {
    this.heldTimesMs.push(position.timeMs);
    if (code === 'jump' && this.jumps.at(position.timeMs) === null) this.jumps.add(position);
  }

  /** The newest good position before this time. */
  async before(timeMs: number): Promise<KnownFix | null> {
    const loaded = this.good.before(timeMs);
    const isAllLoaded =
      this.known.isComplete || this.known.newest === null || this.known.newest.timeMs < timeMs;
    if (isAllLoaded) return loaded;
    const stored = await this.positions.findBefore(this.vehicleId, timeMs);
    return loaded && (!stored || loaded.timeMs > stored.timeMs) ? loaded : stored;
  }

  /** The held jumps around this time with no good position between them, ascending, at most one per time. */
  async jumpsAround(timeMs: number): Promise<Position[]> {
    const before = await this.before(timeMs);
    const after = this.isAfterNewest(timeMs) ? null : await this.positions.findAfter(this.vehicleId, timeMs);
    const fromMs = before?.timeMs ?? -Infinity;
    const toMs = Math.min(after?.timeMs ?? Infinity, this.good.after(timeMs)?.timeMs ?? Infinity);
    const line = new TimeLine<Position>();
    const held = await this.quarantine.findHeldJumps(this.vehicleId, timeMs, fromMs, toMs);
    for (const jump of held) line.add(jump);
    for (const jump of this.jumps.between(fromMs, toMs)) line.add(jump);
    return line.between(fromMs, toMs);
  }

  private isAfterNewest(timeMs: number): boolean {
    return this.known.newest === null || this.known.newest.timeMs <= timeMs;
  }
}

/** Items sorted by time, found by binary search. An item replaces the one with the same time. */
export class TimeLine<T extends { readonly timeMs: number }> {
  private readonly items: T[] = [];

  add(item: T): void {
    const index = this.firstFrom(item.timeMs);
    const isTaken = this.items[index]?.timeMs === item.timeMs;
    this.items.splice(index, isTaken ? 1 : 0, item);
  }

  remove(timeMs: number): void {
    const index = this.firstFrom(timeMs);
    if (this.items[index]?.timeMs === timeMs) this.items.splice(index, 1);
  }

  at(timeMs: number): T | null {
    const item = this.items[this.firstFrom(timeMs)];
    return item?.timeMs === timeMs ? item : null;
  }

  /** The newest item. */
  last(): T | null {
    return this.items.at(-1) ?? null;
  }

  /** The newest item that is older. */
  before(timeMs: number): T | null {
    return this.items[this.firstFrom(timeMs) - 1] ?? null;
  }

  /** The oldest item that is newer. */
  after(timeMs: number): T | null {
    return this.items.slice(this.firstFrom(timeMs)).find((item) => item.timeMs > timeMs) ?? null;
  }

  /** Ascending, both ends excluded. */
  between(afterMs: number, beforeMs: number): T[] {
    return this.items.filter((item) => item.timeMs > afterMs && item.timeMs < beforeMs);
  }

  private firstFrom(timeMs: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.items[middle]?.timeMs ?? Infinity) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
