import { Injectable, type OnModuleInit } from '@nestjs/common';
import { markerTimeMs } from '../../core/index.js';
import { StartupTasks } from '../../database/index.js';
import { LastPositions, VehiclesService } from '../../vehicles/index.js';
import { PositionsRepository } from '../positions.repository.js';
import { LatestPositions } from './latest-positions.js';

const MAX_CONCURRENT_READS = 16;
const PAGE_SIZE = 10;

/** Loads the live markers from storage before the instance is ready, and gives them to `vehicles`. */
@Injectable()
export class LatestPositionsLoader implements OnModuleInit {
  constructor(
    private readonly vehicles: VehiclesService,
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly lastPositions: LastPositions,
    private readonly startupTasks: StartupTasks,
  ) {}

  onModuleInit(): void {
    this.startupTasks.add('load latest positions', () => this.load());
    this.lastPositions.setSource((vehicleId) => {
      const position = this.latest.of(vehicleId);
      return position && this.latest.view(position);
    });
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
