import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { EventStream } from '../../cluster/index.js';
import { EventBus, markerTimeMs, retry } from '../../core/index.js';
import { StartupTasks } from '../../database/index.js';
import { LastPositions, VehiclesService } from '../../vehicles/index.js';
import { PositionsRepository } from '../positions.repository.js';
import { LatestPositions } from './latest-positions.js';

const MAX_CONCURRENT_READS = 16;
const PAGE_SIZE = 10;
/** Redis answers within milliseconds when it is there at all. */
const STREAM_WAIT_MS = 2_000;
const RETRY_MS = 1_000;

/**
 * Loads the live markers from storage before the instance is ready, and again when events of other instances did not arrive.
 * Gives them to `vehicles`.
 */
@Injectable()
export class LatestPositionsLoader implements OnModuleInit, OnApplicationShutdown {
  private readonly shutdown = new AbortController();

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly lastPositions: LastPositions,
    private readonly startupTasks: StartupTasks,
    private readonly stream: EventStream,
    private readonly events: EventBus,
  ) {}

  onModuleInit(): void {
    this.startupTasks.add('load latest positions', async () => {
      await this.stream.whenReading(STREAM_WAIT_MS);
      await this.load();
    });
    this.events.subscribe('cluster.events-missed', () => this.reload());
    this.lastPositions.setSource({
      of: (vehicleId) => {
        const position = this.latest.of(vehicleId);
        return position && this.latest.view(position);
      },
      jsonOf: (vehicleId) => {
        const position = this.latest.of(vehicleId);
        return position === null ? 'null' : this.latest.viewJson(position);
      },
    });
  }

  onApplicationShutdown(): void {
    this.shutdown.abort();
  }

  /** Repeats the load until storage answers, or the service ends. */
  private async reload(): Promise<void> {
    const { signal } = this.shutdown;
    const attempt = (): Promise<true> => this.load().then(() => true);
    await retry(attempt, { signal, pauseMs: RETRY_MS, onError: () => undefined });
  }

  private async load(): Promise<void> {
    const ids = await this.vehicles.listIds();
    for (let start = 0; start < ids.length; start += MAX_CONCURRENT_READS) {
      await Promise.all(ids.slice(start, start + MAX_CONCURRENT_READS).map((id) => this.loadOne(id)));
    }
  }

  /**
   * Markers order by min(time, receivedAt), storage orders by time. The loop reads backwards from the newest time. It ends
   * when the time of the oldest position read is before the marker: no older position can be newer by the marker's order.
   * With correct clocks that is after the first page.
   */
  private async loadOne(vehicleId: string): Promise<void> {
    for (let beforeMs: number | null = null; ;) {
      const page = await this.positions.findBackwards(vehicleId, beforeMs, PAGE_SIZE);
      for (const position of page) this.latest.offer(position);
      const oldest = page.at(-1);
      const marker = this.latest.of(vehicleId);
      if (page.length < PAGE_SIZE || !oldest || !marker || oldest.timeMs < markerTimeMs(marker)) return;
      beforeMs = oldest.timeMs;
    }
  }
}
