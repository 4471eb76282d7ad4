import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseConnection } from '../database/index.js';
import { CrewEventNotifier, type CrewEventView } from '../gateway/index.js';
import { CrewEventsRepository, type RecordedCrewEvent } from './crew-events.repository.js';

const POLL_INTERVAL_MS = 1_000;
/** For events that were being written when one after them was read already. */
const OVERLAP_MS = 5_000;
/** Of one look: more than a fleet says in the time of the overlap, or the next look would find the same again. */
const MAX_PER_POLL = 10_000;
/** Of one replay. */
const MAX_REPLAYED = 1_000;

/**
 * Shows watchers of this instance what the owner has recorded, whichever instance that is: read from storage, the same way
 * for all of them.
 */
@Injectable()
export class CrewEventBroadcaster implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(CrewEventBroadcaster.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private newestMs: number | null = null;
  /** Shown already, by id, with when they were recorded: those of the overlap. */
  private readonly broadcastAtMs = new Map<string, number>();

  constructor(
    private readonly events: CrewEventsRepository,
    private readonly database: DatabaseConnection,
    private readonly news: CrewEventNotifier,
  ) {
    news.setReplaySource(async (at) => (await events.listSince(at, MAX_REPLAYED)).map(toView));
  }

  onApplicationBootstrap(): void {
    this.running = this.database.whenStarted().then(() => this.run());
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const startMs = Date.now();
    while (!signal.aborted) {
      try {
        await this.broadcastNew(this.newestMs ?? startMs);
      } catch (error) {
        this.logger.debug({ err: error }, 'events for crews could not be read');
      }
      await sleep(POLL_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async broadcastNew(newestMs: number): Promise<void> {
    for (const event of await this.events.listSince(new Date(newestMs - OVERLAP_MS), MAX_PER_POLL)) {
      const recordedMs = event.recordedAt.getTime();
      this.newestMs = Math.max(this.newestMs ?? 0, recordedMs);
      if (this.broadcastAtMs.has(event.id)) continue;
      this.broadcastAtMs.set(event.id, recordedMs);
      this.news.publish(toView(event));
    }
    const keptSinceMs = (this.newestMs ?? newestMs) - OVERLAP_MS;
    for (const [id, recordedMs] of this.broadcastAtMs)
      if (recordedMs < keptSinceMs) this.broadcastAtMs.delete(id);
  }
}

function toView({
  id,
  vehicleId,
  type,
  at,
  lat,
  lon,
  averageKmh,
  requestId,
  minutesLeft,
}: RecordedCrewEvent): CrewEventView {
  return { id, vehicleId, type, at: at.toISOString(), lat, lon, averageKmh, requestId, minutesLeft };
}
