import { Injectable } from '@nestjs/common';
import { GroupCommit } from '../ingest/group-commit.js';
import { type LoggedPosition, PositionsRepository } from '../positions.repository.js';

/** What was recorded, in the order of recording: for those who come back and want to go on where they were. */
@Injectable()
export class PositionLogService {
  constructor(
    private readonly positions: PositionsRepository,
    private readonly groupCommit: GroupCommit,
  ) {}

  /** Everything that was recorded here before this moment has been published, epoch milliseconds. */
  get publishedUpToMs(): number {
    return this.groupCommit.publishedUpToMs;
  }

  /** How full the queue before storage is, 0…1. */
  get pressure(): number {
    return this.groupCommit.pressure;
  }

  /** Pages of what was recorded from a moment on, by any instance. */
  async *since(fromMs: number, pageSize: number): AsyncGenerator<readonly LoggedPosition[]> {
    for (let last: LoggedPosition | null = null; ;) {
      const page: LoggedPosition[] = await this.positions.findRecordedSince(fromMs, last, pageSize);
      if (page.length > 0) yield page;
      last = page.at(-1) ?? null;
      if (page.length < pageSize) return;
    }
  }
}
