import { Injectable } from '@nestjs/common';
import type { Position } from '../../core/index.js';
import { PositionsRepository } from '../positions.repository.js';
import { QuarantineRepository } from '../quarantine/quarantine.repository.js';
import { type KnownTrack, TrackContext } from './track-context.js';

/** Beyond it a stretch of track is read fix by fix: a device that sends a month's two ends must not load the month. */
const MAX_LOADED_POSITIONS = 2_000;

/** Reads of a vehicle's track what judging needs: one query for reports that are newer than all that is stored. */
@Injectable()
export class TrackContextLoader {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly quarantine: QuarantineRepository,
  ) {}

  /** @param reports of one vehicle, ascending by time, at least one */
  async read(vehicleId: string, reports: readonly Position[]): Promise<TrackContext> {
    return new TrackContext(vehicleId, await this.known(vehicleId, reports), {
      findBefore: (id, timeMs) => this.positions.findBefore(id, timeMs),
      findAfter: (id, timeMs) => this.positions.findAfter(id, timeMs),
      findHeldJumps: (id, timeMs, afterMs, beforeMs) =>
        this.quarantine.findHeldJumps(id, timeMs, afterMs, beforeMs),
    });
  }

  private async known(vehicleId: string, reports: readonly Position[]): Promise<KnownTrack> {
    const fromMs = reports[0]?.timeMs ?? 0;
    const toMs = reports.at(-1)?.timeMs ?? 0;
    const newest = await this.positions.findNewest(vehicleId);
    if (newest === null || newest.timeMs < fromMs) return { newest, good: [], isComplete: true };

    const [before, stretch] = await Promise.all([
      this.positions.findBefore(vehicleId, fromMs),
      this.positions.findBetween(vehicleId, fromMs, toMs, MAX_LOADED_POSITIONS + 1),
    ]);
    if (stretch.length <= MAX_LOADED_POSITIONS)
      return { newest, good: before ? [before, ...stretch] : stretch, isComplete: true };
    const same = await this.positions.findStored(reports);
    return { newest, good: [...same.values()], isComplete: false };
  }
}
