import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import {
  BackgroundJobs,
  Clock,
  type Position,
  type RecordedPosition,
  withoutOriginalFields,
  withTimeout,
} from '../../core/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { positionKey, PositionsRepository } from '../positions.repository.js';
import { LateCommits } from './late-commits.js';
import { TrackMemory } from './track-memory.js';

const CHECK_INTERVAL_MS = 1_000;
/** After this time no write can be in progress in the database: the driver gives up long before. */
export const IN_DOUBT_TIMEOUT_MS = 120_000;
/** Tolerance for the difference of the instances' clocks. */
const CLOCK_TOLERANCE_MS = 30_000;
const MAX_POSITIONS = 50_000;
const MAX_PER_CHECK = 1_000;
const LAST_CHECK_TIMEOUT_MS = 2_000;

/** A position is visible in storage at the latest this long after its `recordedAtMs`. */
export const RECORDED_WITHIN_MS = IN_DOUBT_TIMEOUT_MS + CLOCK_TOLERANCE_MS;

interface InDoubtWrite {
  /** As it arrived first. */
  readonly position: Position;
  /** Times of receipt of all unconfirmed writes; with them the stored position is recognised as one of this instance. */
  readonly receivedAtMs: readonly number[];
  /** Start of its first write or before, epoch milliseconds. */
  readonly writtenFromMs: number;
  readonly sinceMs: number;
}

/**
 * The positions whose write was not confirmed. Storage may have them all the same: the device sends them again and gets
 * `duplicate`, and no subscriber would ever receive them. Once the database answers again, this class looks them up and
 * publishes those that are stored. A position that another instance has stored meanwhile is published by that instance.
 */
@Injectable()
export class InDoubtWrites implements OnModuleInit, OnApplicationShutdown {
  private readonly writes = new Map<string, InDoubtWrite>();

  constructor(
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly lateCommits: LateCommits,
    private readonly memory: TrackMemory,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.jobs.start({
      name: 'in-doubt-writes',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => this.check(),
    });
  }

  /** What stays in doubt holds the cursor: the other instances then read storage (`StreamWriter.end`). */
  async onApplicationShutdown(): Promise<void> {
    const check = withTimeout(this.check(), LAST_CHECK_TIMEOUT_MS, () => new Error('not checked in time'));
    await check.catch(() => undefined);
  }

  /** Start of the oldest write in doubt or before, epoch milliseconds; null when there are none. */
  get oldestMs(): number | null {
    let oldestMs: number | null = null;
    for (const { writtenFromMs } of this.writes.values()) {
      oldestMs = Math.min(oldestMs ?? Infinity, writtenFromMs);
    }
    return oldestMs;
  }

  /** @param writtenFromMs start of the write, epoch milliseconds; default the arrival of each position */
  add(positions: readonly Position[], writtenFromMs?: number): void {
    const sinceMs = this.clock.nowMs();
    this.memory.forgetWhileInDoubt(vehicleIdsOf(positions), IN_DOUBT_TIMEOUT_MS);
    for (const position of positions) {
      if (this.writes.size >= MAX_POSITIONS) break;
      const before = this.writes.get(positionKey(position));
      this.writes.set(positionKey(position), {
        position: before?.position ?? withoutOriginalFields(position),
        receivedAtMs: withTime(before?.receivedAtMs ?? [], position.receivedAtMs),
        writtenFromMs: Math.min(before?.writtenFromMs ?? Infinity, writtenFromMs ?? position.receivedAtMs),
        sinceMs,
      });
    }
  }

  /** Removes positions that a later write has recorded; the caller publishes them. */
  confirm(recorded: readonly RecordedPosition[]): void {
    if (this.writes.size === 0) return;
    for (const { position } of recorded) this.writes.delete(positionKey(position));
  }

  /** @throws storage/unavailable */
  private async check(): Promise<void> {
    if (this.writes.size === 0) return;
    const batch = [...this.writes.values()].slice(0, MAX_PER_CHECK);
    const stored = await this.positions.findRecorded(batch.map(({ position }) => position));
    const recorded = batch.flatMap(({ position, receivedAtMs }): RecordedPosition[] => {
      const found = stored.get(positionKey(position));
      if (!found) return [];
      if (!receivedAtMs.includes(found.position.receivedAtMs)) {
        this.writes.delete(positionKey(position));
        return [];
      }
      // A newer position may have been published meanwhile.
      return [{ ...found, late: this.isBehindMarker(found.position) }];
    });
    const renewed = await this.lateCommits.renew(recorded);
    if (renewed.length > 0)
      await this.memory.noteChange(vehicleIdsOf(renewed.map(({ position }) => position)));
    this.confirm(renewed);
    this.latest.publish(renewed);
    this.dropExpired(batch);
  }

  private isBehindMarker(position: Position): boolean {
    const marker = this.latest.of(position.vehicleId);
    return marker !== null && position.timeMs < marker.timeMs;
  }

  /** Drops the writes that are not in storage after the time-out, and moves the others behind the rest of the queue. */
  private dropExpired(batch: readonly InDoubtWrite[]): void {
    const nowMs = this.clock.nowMs();
    for (const write of batch) {
      const key = positionKey(write.position);
      if (!this.writes.delete(key)) continue;
      if (nowMs - write.sinceMs < IN_DOUBT_TIMEOUT_MS) this.writes.set(key, write);
    }
  }
}

function vehicleIdsOf(positions: readonly Position[]): readonly string[] {
  return [...new Set(positions.map(({ vehicleId }) => vehicleId))];
}

/** A position that waits outside storage is written again with the same time. */
function withTime(timesMs: readonly number[], timeMs: number): readonly number[] {
  return timesMs.includes(timeMs) ? timesMs : [...timesMs, timeMs];
}
