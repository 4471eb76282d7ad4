import { Injectable } from '@nestjs/common';
import type { Position, QuarantineCode } from '../../core/index.js';
import { quarantineId } from '../position-id.js';
import { PositionsRepository } from '../positions.repository.js';
import { QuarantineRepository } from '../quarantine/quarantine.repository.js';

/**
 * A report with two positions a month apart must not load the whole month: a longer range is read position by position.
 */
const MAX_LOADED_POSITIONS = 2_000;

/** The positions of one vehicle within a group, and the context to validate them in. */
export interface GroupTrack {
  /** Indexes in the group, in its order. */
  readonly indexes: readonly number[];
  /** Ascending by time. */
  readonly positions: readonly Position[];
  readonly context: TrackContext;
}

/**
 * Loads from storage what the validation of a group needs. Per vehicle this is one query when its positions are newer
 * than everything stored. Nothing is cached between groups, because other instances write the same tracks.
 */
@Injectable()
export class TrackContextLoader {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
  ) {}

  /**
   * @param positions of any vehicles, ascending by time
   * @returns one entry per vehicle
   * @throws storage/unavailable
   */
  async load(positions: readonly Position[]): Promise<GroupTrack[]> {
    const heldCodes = await this.quarantine.findHeldCodes(positions);
    return Promise.all(
      [...indexesByVehicle(positions)].map(async ([vehicleId, indexes]) => {
        const own = indexes.map((index) => positions[index] as Position);
        const track = await this.knownTrack(vehicleId, own);
        const context = new TrackContext(vehicleId, track, heldCodes, this.positions, this.quarantine);
        return { indexes, positions: own, context };
      }),
    );
  }

  private async knownTrack(vehicleId: string, positions: readonly Position[]): Promise<KnownTrack> {
    const fromMs = positions[0]?.timeMs ?? 0;
    const toMs = positions.at(-1)?.timeMs ?? 0;
    const newest = await this.positions.findNewest(vehicleId);
    if (newest === null || newest.timeMs < fromMs) return { newest, good: [], isComplete: true };

    const [before, stretch] = await Promise.all([
      this.positions.findBefore(vehicleId, fromMs),
      this.positions.findBetween(vehicleId, fromMs, toMs, MAX_LOADED_POSITIONS + 1),
    ]);
    if (stretch.length <= MAX_LOADED_POSITIONS)
      return { newest, good: before ? [before, ...stretch] : stretch, isComplete: true };
    const same = await this.positions.findStored(positions);
    return { newest, good: [...same.values()], isComplete: false };
  }
}

function indexesByVehicle(positions: readonly Position[]): ReadonlyMap<string, number[]> {
  const groups = new Map<string, number[]>();
  positions.forEach(({ vehicleId }, index) => {
    const indexes = groups.get(vehicleId);
    if (indexes) indexes.push(index);
    else groups.set(vehicleId, [index]);
  });
  return groups;
}

interface KnownTrack {
  /** The newest good position in storage, by its own time. */
  readonly newest: Position | null;
  /** Good positions in storage at or around the times to validate. */
  readonly good: readonly Position[];
  /** `good` has every position from the one before the first time to the last time. */
  readonly isComplete: boolean;
}

/**
 * One vehicle's track while positions of it are validated: the state of storage, and on top of it the verdicts given so
 * far. It reads from storage what was not loaded.
 */
class TrackContext {
  private readonly good = new TimeLine<Position>();
  private readonly jumps = new TimeLine<Position>();

  constructor(
    private readonly vehicleId: string,
    private readonly known: KnownTrack,
    private readonly heldCodes: ReadonlyMap<string, QuarantineCode>,
    private readonly positions: Pick<PositionsRepository, 'findBefore' | 'findAfter'>,
    private readonly quarantine: Pick<QuarantineRepository, 'findHeldJumps'>,
  ) {
    for (const position of known.good) this.good.add(position);
    if (known.newest) this.good.add(known.newest);
  }

  /** The newest good position that storage had before this group. */
  get newest(): Position | null {
    return this.known.newest;
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
  at(timeMs: number): Position | null {
    return this.good.at(timeMs);
  }

  accept(position: Position): void {
    this.good.add(position);
    this.jumps.remove(position.timeMs);
  }

  holdJump(position: Position): void {
    if (this.jumps.at(position.timeMs) === null) this.jumps.add(position);
  }

  /** The newest good position before this time. */
  async before(timeMs: number): Promise<Position | null> {
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
