import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { EventStream } from '../../cluster/index.js';
import { BackgroundJobs, Clock, EventBus } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { positionKey, PositionLogService } from '../../tracking/index.js';
import { VehiclesService } from '../../vehicles/index.js';

const INTERVAL_MS = 1_000;
/** Covers the difference of the instances' clocks and writes in flight, as in a replay. */
const OVERLAP_MS = 5_000;
const PAGE_SIZE = 1_000;

/** Longer than an instance takes to count as lost, with the overlap. */
const KEPT_MS = 15_000;

/**
 * Reads the positions, vehicle changes and crashes of other instances from storage once a second, while they do not arrive
 * through Redis: a dispatcher must see every vehicle during an outage of Redis too, and what an instance committed just before
 * its end. It publishes them here as if they had arrived.
 */
@Injectable()
export class StorageFollower implements OnApplicationBootstrap {
  private readonly logger = new Logger(StorageFollower.name);
  /** Positions and crashes that were published here → time of recording. Empty while no other instance is known. */
  private readonly published = new Map<string, number>();
  /** null: it does not follow. */
  private followedUpToMs: number | null = null;

  constructor(
    private readonly stream: EventStream,
    private readonly log: PositionLogService,
    private readonly vehicles: VehiclesService,
    private readonly crashes: CrashesService,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {
    events.subscribe('position.recorded', (recorded) => {
      if (!stream.hasOthers) return;
      for (const { position, recordedAtMs } of recorded)
        this.published.set(positionKey(position), recordedAtMs);
    });
    events.subscribe('crash.recorded', ({ crash }) => {
      if (stream.hasOthers) this.published.set(crash.id, crash.reportedAt.getTime());
    });
  }

  onApplicationBootstrap(): void {
    const job = this.jobs.start({
      name: 'storage-follower',
      intervalMs: INTERVAL_MS,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.run(),
    });
    this.events.subscribe('cluster.instance-lost', () => job.trigger());
  }

  /** @throws storage/unavailable */
  private async run(): Promise<void> {
    const nowMs = this.clock.nowMs();
    if (this.stream.mustFollowStorage) await this.follow(nowMs);
    else this.end();
    const keptFromMs = (this.followedUpToMs ?? nowMs) - KEPT_MS;
    for (const [key, recordedAtMs] of this.published)
      if (recordedAtMs < keptFromMs) this.published.delete(key);
  }

  private async follow(nowMs: number): Promise<void> {
    const fromMs = (this.followedUpToMs ?? this.begin()) - OVERLAP_MS;
    for await (const page of this.log.since(fromMs, PAGE_SIZE)) {
      const fresh = page.filter(({ position }) => !this.published.has(positionKey(position)));
      if (fresh.length > 0) this.events.publishForwarded('position.recorded', fresh);
    }
    const from = new Date(fromMs);
    // `vehicle.changed` of a known version is dropped.
    for (const change of await this.vehicles.changedSince(from)) this.publish('vehicle.changed', change);
    for (const crash of await this.crashes.listSince(from))
      if (!this.published.has(crash.id)) this.publish('crash.recorded', { crash });
    this.followedUpToMs = nowMs;
    // What is in flight now is within the overlap of the replay from this time, and of the next read here.
    this.stream.noteFollowed(nowMs);
  }

  private begin(): number {
    this.logger.warn({ instances: this.stream.silentIds }, 'following other instances through storage');
    return this.stream.publishedUpToMs;
  }

  private end(): void {
    if (this.followedUpToMs !== null) this.logger.log('following other instances through storage ended');
    this.followedUpToMs = null;
  }

  private publish(event: string, payload: unknown): void {
    this.events.publishForwarded(event, JSON.parse(JSON.stringify(payload)));
  }
}
