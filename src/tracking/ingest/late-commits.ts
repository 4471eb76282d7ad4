import { Injectable, Logger } from '@nestjs/common';
import { Clock, type RecordedPosition } from '../../core/index.js';
import { PositionsRepository } from '../positions.repository.js';

/** A replay begins 5 s before its cursor. The rest is for the difference of the instances' clocks. */
const MAX_COMMIT_MS = 3_000;
/** A database that is slow for longer than this many writes is slow for every commit. */
const MAX_ROUNDS = 3;

/**
 * A replay finds a position by its `recordedAtMs`, which is set before the write. A commit that ends later than 3 s after it
 * could be behind the cursor of a subscriber, and no replay would find the position. It gets a new time in storage before it
 * is published.
 */
@Injectable()
export class LateCommits {
  private readonly logger = new Logger(LateCommits.name);

  constructor(
    private readonly positions: PositionsRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Call it between the commit and the publication.
   * @returns the positions with their times in storage
   * @throws storage/unavailable: the positions are stored, with the old or the new time
   */
  async renew(recorded: readonly RecordedPosition[]): Promise<readonly RecordedPosition[]> {
    let renewed = recorded;
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const nowMs = this.clock.nowMs();
      const isLate = ({ recordedAtMs }: RecordedPosition): boolean => nowMs - recordedAtMs > MAX_COMMIT_MS;
      const late = renewed.filter(isLate);
      if (late.length === 0) return renewed;
      await this.positions.setRecordedAt(
        late.map(({ position }) => position),
        nowMs,
      );
      renewed = renewed.map((each) => (isLate(each) ? { ...each, recordedAtMs: nowMs } : each));
    }
    this.logger.warn({ positions: renewed.length }, 'commits stay late: the database is slow');
    return renewed;
  }
}
