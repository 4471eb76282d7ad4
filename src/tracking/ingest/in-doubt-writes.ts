import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Clock, type Position, EventBus } from '../../core/index.js';
import { LatestPositions } from '../live/latest-positions.js';
import { PositionsRepository, positionKey } from '../positions.repository.js';
import { isSamePlace } from '../stored-position.js';

const CHECK_EVERY_MS = 1_000;
/** Past this no write can still be under way on the server: the driver gave it up long before. */
const IN_DOUBT_TIMEOUT_MS = 120_000;
const MAX_KEPT = 50_000;
const PER_CHECK = 1_000;

/**
 * A write that was not confirmed may have happened all the same. Its device is told to send again and then hears
 * `duplicate`, so without this the fix would be in storage and never on a screen. Once the database answers again,
 * what turns out to be stored is shown.
 */
@Injectable()
export class InDoubtWrites implements OnApplicationShutdown {
  private readonly logger = new Logger(InDoubtWrites.name);
  private readonly waiting = new Map<string, { report: Position; sinceMs: number }>();
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly positions: PositionsRepository,
    private readonly latest: LatestPositions,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** When the oldest of them arrived, epoch milliseconds; null when there is none. */
  get oldestMs(): number | null {
    let oldestMs: number | null = null;
    for (const { report } of this.waiting.values()) {
      oldestMs = Math.min(oldestMs ?? Infinity, report.receivedAtMs);
    }
    return oldestMs;
  }

  add(reports: readonly Position[]): void {
    const sinceMs = this.clock.nowMs();
    for (const report of reports) {
      if (this.waiting.size >= MAX_KEPT) break;
      this.waiting.set(positionKey(report), { report, sinceMs });
    }
    this.schedule();
  }

  /** They were sent again and shown by the ordinary way. */
  confirm(reports: readonly Position[]): void {
    if (this.waiting.size === 0) return;
    for (const report of reports) this.waiting.delete(positionKey(report));
  }

  onApplicationShutdown(): void {
    if (this.timer) clearTimeout(this.timer);
    this.waiting.clear();
  }

  private isLate(position: Position): boolean {
    const marker = this.latest.of(position.vehicleId);
    return marker !== null && position.timeMs < marker.timeMs;
  }

  private schedule(): void {
    if (this.timer || this.waiting.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      void this.check().finally(() => this.schedule());
    }, CHECK_EVERY_MS);
    this.timer.unref();
  }

  private async check(): Promise<void> {
    const batch = [...this.waiting.values()].slice(0, PER_CHECK);
    try {
      const stored = await this.positions.findStored(batch.map(({ report }) => report));
      const shown = batch.flatMap(({ report }) => {
        const found = stored.get(positionKey(report));
        return found && isSamePlace(found, report) ? [found] : [];
      });
      for (const position of shown) this.waiting.delete(positionKey(position));
      const recorded = shown.map((position) => ({ position, late: this.isLate(position) }));
      for (const position of shown) this.latest.offer(position);
      if (recorded.length > 0) this.events.publish('position.recorded', recorded);
      this.dropExpired(batch);
    } catch (error) {
      this.logger.debug({ err: error }, 'unconfirmed positions: the database does not answer yet');
    }
  }

  /** What is not there after this long never will be; what is young is looked for again, behind the others. */
  private dropExpired(batch: readonly { report: Position; sinceMs: number }[]): void {
    const nowMs = this.clock.nowMs();
    for (const entry of batch) {
      const key = positionKey(entry.report);
      if (!this.waiting.delete(key)) continue;
      if (nowMs - entry.sinceMs < IN_DOUBT_TIMEOUT_MS) this.waiting.set(key, entry);
    }
  }
}
