import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { EventStream } from '../../cluster/index.js';
import { BackgroundJobs, Clock, EventBus } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { PositionLogService } from '../../tracking/index.js';
import { VehiclesService } from '../../vehicles/index.js';

const INTERVAL_MS = 1_000;
/** Covers the difference of the instances' clocks and writes in flight, as in a replay. */
const OVERLAP_MS = 5_000;
const PAGE_SIZE = 1_000;

/**
 * Reads the positions, vehicle changes and crashes of other instances from storage once a second, while they do not arrive
 * through Redis: a dispatcher must see every vehicle during an outage of Redis too. It publishes them here as if they had
 * arrived. What it misses, the subscribers read from storage when Redis is back.
 */
@Injectable()
export class StorageFollower implements OnApplicationBootstrap {
  private readonly logger = new Logger(StorageFollower.name);
  /** Positions and crashes published here → time of recording. Covers the overlap; null while it is not needed. */
  private published: Map<string, number> | null = null;
  private followedUpToMs = 0;

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
      for (const { position, recordedAtMs } of recorded) this.published?.set(keyOf(position), recordedAtMs);
    });
    events.subscribe('crash.recorded', ({ crash }) => {
      this.published?.set(crash.id, crash.reportedAt.getTime());
    });
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'storage-follower',
      intervalMs: INTERVAL_MS,
      startsAfter: () => this.database.whenStarted(),
      run: () => this.follow(),
    });
  }

  /** @throws storage/unavailable */
  private async follow(): Promise<void> {
    if (this.stream.unheardIds.length === 0) return this.end();
    const startedAtMs = this.clock.nowMs();
    this.published ??= this.begin(startedAtMs);
    const fromMs = this.followedUpToMs - OVERLAP_MS;
    for await (const page of this.log.since(fromMs, PAGE_SIZE)) {
      const fresh = page.filter(({ position }) => this.published?.has(keyOf(position)) === false);
      if (fresh.length > 0) this.events.publishForwarded('position.recorded', fresh);
    }
    const from = new Date(fromMs);
    // `vehicle.changed` of a known version is dropped.
    for (const change of await this.vehicles.changedSince(from)) this.publish('vehicle.changed', change);
    for (const crash of await this.crashes.listSince(from))
      if (this.published.has(crash.id) === false) this.publish('crash.recorded', { crash });
    this.followedUpToMs = startedAtMs;
    for (const [key, recordedAtMs] of this.published) if (recordedAtMs < fromMs) this.published.delete(key);
  }

  private begin(nowMs: number): Map<string, number> {
    this.logger.warn({ instances: this.stream.unheardIds }, 'following other instances through storage');
    this.followedUpToMs = nowMs;
    return new Map();
  }

  private end(): void {
    if (this.published) this.logger.log('following other instances through storage ended');
    this.published = null;
  }

  private publish(event: string, payload: unknown): void {
    this.events.publishForwarded(event, JSON.parse(JSON.stringify(payload)));
  }
}

function keyOf({ vehicleId, timeMs }: { vehicleId: string; timeMs: number }): string {
  return `${vehicleId}:${timeMs}`;
}
