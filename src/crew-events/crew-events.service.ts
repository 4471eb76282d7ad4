import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/index.js';
import { BackgroundJobs, EventBus } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import type { CrewEventView } from './crew-event.js';
import { CrewEventsRepository, type RecordedCrewEvent } from './crew-events.repository.js';

const POLL_INTERVAL_MS = 1_000;
/** An event may become readable after a later one. Every poll reads this much again, and the time limit of a write. */
const OVERLAP_MS = 5_000;
/** Must exceed the number of events that a fleet produces within the overlap; a smaller limit finds only known ones. */
const MAX_PER_POLL = 10_000;
const MAX_REPLAYED = 1_000;

/** Publishes the crew events of all instances on this instance's event bus. It polls storage for them. */
@Injectable()
export class CrewEventsService implements OnApplicationBootstrap {
  private newestMs: number | null = null;
  private readonly startMs = Date.now();
  private readonly overlapMs: number;
  /** Id → `recordedAt` of published events. Covers the overlap. */
  private readonly publishedAtMs = new Map<string, number>();

  constructor(
    private readonly crewEvents: CrewEventsRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly bus: EventBus,
    @Inject(SETTINGS) settings: Settings,
  ) {
    this.overlapMs = OVERLAP_MS + settings.mongo.timeoutMs;
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'crew-event-poll',
      intervalMs: POLL_INTERVAL_MS,
      runsAtStart: true,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.publishNew(),
    });
  }

  /** For a replay: the first 1,000 events of all instances recorded at or after `at`, in the order of recording. */
  async listSince(at: Date): Promise<CrewEventView[]> {
    return (await this.crewEvents.listSince(at, MAX_REPLAYED)).map(toView);
  }

  private async publishNew(): Promise<void> {
    const sinceMs = this.newestMs ?? this.startMs;
    for (const event of await this.crewEvents.listSince(new Date(sinceMs - this.overlapMs), MAX_PER_POLL)) {
      const recordedMs = event.recordedAt.getTime();
      this.newestMs = Math.max(this.newestMs ?? 0, recordedMs);
      if (this.publishedAtMs.has(event.id)) continue;
      this.publishedAtMs.set(event.id, recordedMs);
      this.bus.publish('crew-event.recorded', toView(event));
    }
    const keptSinceMs = (this.newestMs ?? sinceMs) - this.overlapMs;
    for (const [id, recordedMs] of this.publishedAtMs)
      if (recordedMs < keptSinceMs) this.publishedAtMs.delete(id);
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
  late,
}: RecordedCrewEvent): CrewEventView {
  return { id, vehicleId, type, at: at.toISOString(), lat, lon, averageKmh, requestId, minutesLeft, late };
}
