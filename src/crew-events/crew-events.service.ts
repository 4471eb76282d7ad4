import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventStream } from '../cluster/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { BackgroundJobs, Clock, EventBus } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import type { CrewEventView, PublishedCrewEvent } from './crew-event.js';
import { CrewEventsRepository, type RecordedCrewEvent } from './crew-events.repository.js';

const POLL_INTERVAL_MS = 1_000;
/** While the events of the leader arrive through Redis, a poll finds only those that a leader recorded just before its end. */
const POLL_INTERVAL_WITH_REDIS_MS = 5_000;
/** An event may become readable after a later one. Every poll reads this much again, and the time limit of a write. */
const OVERLAP_MS = 5_000;
/** Must exceed the number of events that a fleet produces within the overlap; a smaller limit finds only known ones. */
const MAX_PER_POLL = 10_000;
const MAX_REPLAYED = 1_000;

/**
 * Publishes each crew event once on the event bus of every instance. The leader publishes what it records, and Redis carries
 * it to the other instances. Every instance also polls storage: without Redis, and for events that did not arrive.
 */
@Injectable()
export class CrewEventsService implements OnApplicationBootstrap {
  /** Of the events that a poll has read. */
  private newestMs: number;
  private polledAtMs = -Infinity;
  /** Id → `recordedAtMs` of published events. Covers the overlap. */
  private readonly publishedAtMs = new Map<string, number>();
  private readonly overlapMs: number;

  constructor(
    private readonly crewEvents: CrewEventsRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly stream: EventStream,
    private readonly bus: EventBus,
    @Inject(SETTINGS) settings: Settings,
    clock: Clock,
  ) {
    this.overlapMs = OVERLAP_MS + settings.mongo.timeoutMs;
    this.newestMs = clock.nowMs();
    bus.share('crew-event.recorded', {
      fromJson: (recorded: PublishedCrewEvent) => (this.isNew(recorded) ? recorded : null),
    });
    bus.subscribe('cluster.events-missed', async () => {
      this.polledAtMs = -Infinity;
      if (database.hasStarted) await this.poll();
    });
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'crew-event-poll',
      intervalMs: POLL_INTERVAL_MS,
      runsAtStart: true,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.poll(),
    });
  }

  /** Called by the leader with the events that it has recorded. */
  publish(recorded: readonly RecordedCrewEvent[]): void {
    for (const event of recorded.map(toPublished))
      if (this.isNew(event)) this.bus.publish('crew-event.recorded', event);
  }

  /** For a replay: the first 1,000 events of all instances recorded at or after `at`, in the order of recording. */
  async listSince(at: Date): Promise<CrewEventView[]> {
    return (await this.crewEvents.listSince(at, MAX_REPLAYED)).map(toView);
  }

  private async poll(): Promise<void> {
    const pauseMs = this.stream.state === 'complete' ? POLL_INTERVAL_WITH_REDIS_MS : 0;
    if (performance.now() - this.polledAtMs < pauseMs) return;
    const since = new Date(this.newestMs - this.overlapMs);
    for (const event of (await this.crewEvents.listSince(since, MAX_PER_POLL)).map(toPublished)) {
      // Only on this instance: every instance polls.
      this.bus.publishForwarded('crew-event.recorded', event);
      this.newestMs = Math.max(this.newestMs, event.recordedAtMs);
    }
    this.polledAtMs = performance.now();
    for (const [id, recordedAtMs] of this.publishedAtMs)
      if (recordedAtMs < this.newestMs - this.overlapMs) this.publishedAtMs.delete(id);
  }

  /** An event from before the overlap was published: a poll has read later ones since. */
  private isNew({ event: { id }, recordedAtMs }: PublishedCrewEvent): boolean {
    if (this.publishedAtMs.has(id) || recordedAtMs < this.newestMs - this.overlapMs) return false;
    this.publishedAtMs.set(id, recordedAtMs);
    return true;
  }
}

function toPublished(event: RecordedCrewEvent): PublishedCrewEvent {
  return { event: toView(event), recordedAtMs: event.recordedAt.getTime() };
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
