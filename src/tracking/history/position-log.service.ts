import { Injectable } from '@nestjs/common';
import { EventStream } from '../../cluster/index.js';
import type { Position, RecordedPosition } from '../../core/index.js';
import { PositionsService } from '../ingest/positions.service.js';
import { type PositionKey, positionKey, PositionsRepository } from '../positions.repository.js';

/** The recorded positions in the order of recording: for consumers that continue where they stopped. */
@Injectable()
export class PositionLogService {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly ingest: PositionsService,
    private readonly stream: EventStream,
  ) {
    stream.setPublishedSource(() => ingest.publishedUpToMs);
  }

  /** Every position that any instance recorded before this time was published here, epoch milliseconds. */
  get publishedUpToMs(): number {
    return Math.min(this.ingest.publishedUpToMs, this.stream.publishedUpToMs);
  }

  /** The stored positions with these vehicles and times, in their order; null for one that is not stored. */
  async find(keys: readonly PositionKey[]): Promise<readonly (Position | null)[]> {
    const found = await this.positions.findStored(keys);
    return keys.map((key) => found.get(positionKey(key)) ?? null);
  }

  /** How full the queue before storage is, 0…1. */
  get pressure(): number {
    return this.ingest.pressure;
  }

  /** Positions are being written: further ones are published soon. */
  get isCommitting(): boolean {
    return this.ingest.isCommitting;
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
