import { Injectable } from '@nestjs/common';
import type { RecordedPosition } from '../../core/index.js';
import { PositionsService } from '../ingest/positions.service.js';
import { PositionsRepository } from '../positions.repository.js';

/** The recorded positions in the order of recording: for consumers that continue where they stopped. */
@Injectable()
export class PositionLogService {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly ingest: PositionsService,
  ) {}

  /** Every position that was recorded here before this time is published, epoch milliseconds. */
  get publishedUpToMs(): number {
    return this.ingest.publishedUpToMs;
  }

  /** How full the queue before storage is, 0…1. */
  get pressure(): number {
    return this.ingest.pressure;
  }

  /** Pages of the positions that any instance recorded from a time on. */
  async *since(fromMs: number, pageSize: number): AsyncGenerator<readonly RecordedPosition[]> {
    for (let last: RecordedPosition | null = null; ;) {
      const page: RecordedPosition[] = await this.positions.findRecordedSince(fromMs, last, pageSize);
      if (page.length > 0) yield page;
      last = page.at(-1) ?? null;
      if (page.length < pageSize) return;
    }
  }
}
