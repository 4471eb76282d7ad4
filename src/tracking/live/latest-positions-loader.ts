import { Injectable, type OnModuleInit } from '@nestjs/common';
import { StartupTasks } from '../../database/index.js';
import { LastPositions, VehiclesService } from '../../vehicles/index.js';
import { LatestPositions } from './latest-positions.js';
import { PositionsRepository } from '../positions.repository.js';
import { markerTimeMs, toPositionView } from '../stored-position.js';

const MAX_CONCURRENT_READS = 16;
const PAGE_SIZE = 10;

/** Fills the board from storage before the instance is ready. */
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
    this.startupTasks.add('latest-position board', () => this.load());
    this.lastPositions.setSource((vehicleId) => {
      const position = this.latest.of(vehicleId);
      return position && toPositionView(position);
    });
  }

  private async load(): Promise<void> {
    const ids = await this.vehicles.listIds();
    for (let start = 0; start < ids.length; start += MAX_CONCURRENT_READS) {
      await Promise.all(ids.slice(start, start + MAX_CONCURRENT_READS).map((id) => this.loadOne(id)));
    }
  }

  /**
   * The board orders by min(time, receivedAt), storage by time. Going back from the newest, no older fix can win once
   * its own time is before the best one's: with clocks that are right, that is after the first page.
   */
  private async loadOne(vehicleId: string): Promise<void> {
    for (let beforeMs: number | null = null; ;) {
      const page = await this.positions.findBackwards(vehicleId, beforeMs, PAGE_SIZE);
      for (const position of page) this.latest.offer(position);
      const oldest = page.at(-1);
      const best = this.latest.of(vehicleId);
      if (page.length < PAGE_SIZE || !oldest || !best || oldest.timeMs < markerTimeMs(best)) return;
      beforeMs = oldest.timeMs;
    }
  }
}
