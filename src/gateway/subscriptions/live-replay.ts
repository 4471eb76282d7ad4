import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import pLimit from 'p-limit';
import { setTimeout as sleep } from 'node:timers/promises';
import { CrashesService } from '../../crashes/index.js';
import { CrewEventsService } from '../../crew-events/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { LatestPositions, PositionLogService } from '../../tracking/index.js';
import { VehiclesService } from '../../vehicles/index.js';
import { FrameItem } from './frame-item.js';
import { makeCursor } from './live-cursor.js';
import { crashEvent, crewEvent, type LiveEvent, vehicleEvent } from './live-event.js';
import type { LiveStream } from './live-stream.js';

/** Contract: covers clock skew and writes in flight. */
const OVERLAP_MS = 5_000;
const PAGE_SIZE = 1_000;
/** Contract: at most 4 frames a second. A little over 250 ms, because timers and networks reduce distances. */
export const FRAME_INTERVAL_MS = 260;
/** Many subscribers reconnect at once: further reads of storage wait. */
const MAX_CONCURRENT_READS = 4;

/** Replays missed positions and events to a subscriber that reconnects. */
@Injectable()
export class LiveReplay {
  private readonly logger = new Logger(LiveReplay.name);
  private readonly reads = pLimit(MAX_CONCURRENT_READS);

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
  async run(stream: LiveStream, sinceMs: number): Promise<void> {
    try {
      await this.catchUp(stream, sinceMs - OVERLAP_MS);
    } catch (error) {
      this.logger.warn({ err: error }, 'replay failed');
      stream.end('storage');
    }
  }

  private async catchUp(stream: LiveStream, fromMs: number): Promise<void> {
    // Their times are set before the write, which can take up to its time limit.
    const eventsFromMs = fromMs - this.settings.mongo.timeoutMs;
    stream.replayEvents(await this.reads(() => this.eventsSince(eventsFromMs)));
    // The subscriber's previous stream may have sent a frame just before.
    await sleep(FRAME_INTERVAL_MS);
    let count = 0;
    const pages = this.log.since(fromMs, PAGE_SIZE);
    for (;;) {
      const next = await this.reads(() => pages.next());
      if (next.done) break;
      const page = next.value;
      count += page.length;
      if (count > this.settings.live.replayLimit) stream.end('replay_limit');
      if (stream.isOver) return;
      const items = page.map((recorded) => new FrameItem(recorded, this.latest));
      stream.replayPositions(items, makeCursor(page.at(-1)?.recordedAtMs ?? fromMs));
      await sleep(FRAME_INTERVAL_MS);
    }
    stream.goLive();
  }

  private async eventsSince(fromMs: number): Promise<LiveEvent[]> {
    const [from, cursor] = [new Date(fromMs), makeCursor(fromMs)];
    const changes = await this.vehicles.changedSince(from);
    const crashes = await this.crashes.listSince(from);
    const crewEvents = (await this.crewEvents?.listSince(from)) ?? [];
    return [
      ...changes.map((change) => vehicleEvent(change, cursor)),
      ...crashes.map((crash) => crashEvent(crash, cursor)),
      ...crewEvents.map((event) => crewEvent(event, cursor)),
    ];
  }
}
