import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseLink } from '../../database/index.js';
import { CrewNews, type CrewEventView } from '../../gateway/index.js';
import { CrewEventsRepository, type RecordedEvent } from './crew-events.repository.js';

const LOOK_EVERY_MS = 1_000;
/** For events that were being written when one after them was read already. */
const OVERLAP_MS = 5_000;
/** Of one look: more than a fleet says in the time of the overlap, or the next look would find the same again. */
const MOST_SHOWN = 10_000;
/** Of one replay. */
const MOST_REPLAYED = 1_000;

/**
 * Shows watchers of this instance what the owner has recorded, whichever instance that is: read from storage, the same way
 * for all of them.
 */
@Injectable()
export class CrewScreen implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(CrewScreen.name);
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private newestMs: number | null = null;
  /** Shown already, by id, with when they were recorded: those of the overlap. */
  private readonly shown = new Map<string, number>();

  constructor(
    private readonly events: CrewEventsRepository,
    private readonly link: DatabaseLink,
    private readonly news: CrewNews,
  ) {
    news.replayFrom(async (at) => (await events.listSince(at, MOST_REPLAYED)).map(toView));
  }

  onApplicationBootstrap(): void {
    this.running = this.link.whenStarted().then(() => this.run());
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
        await this.show(this.newestMs ?? startMs);
      } catch (error) {
        this.logger.debug({ err: error }, 'events for crews could not be read');
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  private async show(newestMs: number): Promise<void> {
    for (const event of await this.events.listSince(new Date(newestMs - OVERLAP_MS), MOST_SHOWN)) {
      const recordedMs = event.recordedAt.getTime();
      this.newestMs = Math.max(this.newestMs ?? 0, recordedMs);
      if (this.shown.has(event.id)) continue;
      this.shown.set(event.id, recordedMs);
      this.news.tell(toView(event));
    }
    const keptSinceMs = (this.newestMs ?? newestMs) - OVERLAP_MS;
    for (const [id, recordedMs] of this.shown) if (recordedMs < keptSinceMs) this.shown.delete(id);
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
}: RecordedEvent): CrewEventView {
  return { id, vehicleId, type, at: at.toISOString(), lat, lon, averageKmh, requestId, minutesLeft };
}
