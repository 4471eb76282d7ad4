import { Injectable } from '@nestjs/common';
import type { PositionReport } from '../common/index.js';
import { PositionsRepository } from './positions.repository.js';
import { QuarantineRepository } from './quarantine.repository.js';
import { type KnownTrack, TrackMemory } from './track-memory.js';

/** Beyond it a stretch of track is read fix by fix: a device that sends a month's two ends must not load the month. */
const MAX_STRETCH = 2_000;

/** Reads of a vehicle's track what judging needs: one query for reports that are newer than all that is stored. */
@Injectable()
export class TrackReader {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
  ) {}

  /** @param reports of one vehicle, ascending by time, at least one */
  async read(vehicleId: string, reports: readonly PositionReport[]): Promise<TrackMemory> {
    return new TrackMemory(vehicleId, await this.known(vehicleId, reports), {
      findBefore: (id, timeMs) => this.positions.findBefore(id, timeMs),
      findAfter: (id, timeMs) => this.positions.findAfter(id, timeMs),
      findHeldJumps: (id, timeMs, afterMs, beforeMs) =>
        this.quarantine.findHeldJumps(id, timeMs, afterMs, beforeMs),
    });
  }

  private async known(vehicleId: string, reports: readonly PositionReport[]): Promise<KnownTrack> {
    const fromMs = reports[0]?.timeMs ?? 0;
    const toMs = reports.at(-1)?.timeMs ?? 0;
    const newest = await this.positions.findNewest(vehicleId);
    if (newest === null || newest.timeMs < fromMs) return { newest, good: [], isComplete: true };

    const [before, stretch] = await Promise.all([
      this.positions.findBefore(vehicleId, fromMs),
      this.positions.findBetween(vehicleId, fromMs, toMs, MAX_STRETCH + 1),
    ]);
    if (stretch.length <= MAX_STRETCH)
      return { newest, good: before ? [before, ...stretch] : stretch, isComplete: true };
    const same = await this.positions.findSame(reports);
    return { newest, good: [...same.values()], isComplete: false };
  }
}
