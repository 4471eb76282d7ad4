import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import pLimit from 'p-limit';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { CrashesService, toCrashDto } from '../../crashes/index.js';
import { CrewEventsService } from '../../crew-events/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { LatestPositions, PositionLogService } from '../../tracking/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { makeCursor } from './live-cursor.js';
import type { LiveStream } from './live-stream.js';

/** Contract: covers clock skew and writes in flight. */
const OVERLAP_MS = 5_000;
const PAGE_SIZE = 1_000;
/** Contract: at most 4 frames a second. A little over 250 ms, because timers and networks reduce distances. */
export const FRAME_INTERVAL_MS = 260;
/** Many subscribers reconnect at once; further replays wait, and their new positions wait with them. */
const MAX_CONCURRENT_REPLAYS = 4;

/** Replays missed positions and events to a subscriber that reconnects. */
@Injectable()
export class LiveReplay {
  private readonly logger = new Logger(LiveReplay.name);
  private readonly limit = pLimit(MAX_CONCURRENT_REPLAYS);

  constructor(
    private readonly log: PositionLogService,
    private readonly latest: LatestPositions,
    private readonly vehicles: VehiclesService,
    private readonly crashes: CrashesService,
    // Absent with CREW_EVENTS=off.
    @Optional() @Inject(CrewEventsService) private readonly crewEvents: CrewEventsService | null,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Resolves when the stream is live or has ended; never rejects. */
  run(stream: LiveStream, sinceMs: number): Promise<void> {
    return this.limit(async () => {
      try {
        await this.catchUp(stream, sinceMs - OVERLAP_MS);
      } catch (error) {
        this.logger.warn({ err: error }, 'replay failed');
        stream.end('storage');
      }
    });
  }

  private async catchUp(stream: LiveStream, fromMs: number): Promise<void> {
    await this.replayVehicleChanges(stream, fromMs);
    await this.replayCrashes(stream, fromMs);
    await this.replayCrewEvents(stream, fromMs);
    // The subscriber's previous stream may have sent a frame just before.
    await sleep(FRAME_INTERVAL_MS);
    let count = 0;
    for await (const page of this.log.since(fromMs, PAGE_SIZE)) {
      count += page.length;
      if (count > this.settings.live.replayLimit) stream.end('replay_limit');
      if (stream.isOver) return;
      const items = page.map(({ position, late }) => ({
        vehicleId: position.vehicleId,
        position: this.latest.view(position),
        late,
      }));
      stream.replay(items, makeCursor(page.at(-1)?.recordedAtMs ?? fromMs));
      await sleep(FRAME_INTERVAL_MS);
    }
    stream.goLive();
  }

  private async replayVehicleChanges(stream: LiveStream, fromMs: number): Promise<void> {
    for (const change of await this.vehicles.changedSince(new Date(fromMs))) {
      stream.sendVehicleChange(change, makeCursor(fromMs));
      // One event in each turn: a burst would count as unsent messages of a slow connection.
      await nextTurn();
    }
  }

  private async replayCrashes(stream: LiveStream, fromMs: number): Promise<void> {
    for (const crash of await this.crashes.listSince(new Date(fromMs))) {
      stream.sendCrash(toCrashDto(crash), makeCursor(fromMs));
      await nextTurn();
    }
  }

  private async replayCrewEvents(stream: LiveStream, fromMs: number): Promise<void> {
    for (const event of (await this.crewEvents?.listSince(new Date(fromMs))) ?? []) {
      stream.sendCrewEvent(event, makeCursor(fromMs));
      await nextTurn();
    }
  }
}
