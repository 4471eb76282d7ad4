import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '../core/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { DatabaseConnection } from '../database/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { type QuarantineStep, RetentionRepository } from './retention.repository.js';

const DAY_MS = 86_400_000;
const SWEEP_INTERVAL_MS = 3_600_000;
const BATCH_SIZE = 500;
/** Of each five milliseconds the sweep leaves four to the ingest; what a slow database slows, it slows itself. */
const PAUSE_FACTOR = 4;
const PROGRESS_EVERY_MS = 60_000;

export interface SweepResult {
  readonly positions: number;
  readonly quarantined: number;
}

/**
 * Deletes what is older than POSITION_RETENTION_DAYS: positions by the time of the fix, quarantined ones by their
 * arrival (their own times are what is wrong with them). A vehicle's newest position stays, however old. Without the
 * setting nothing is ever deleted. Two instances that sweep at once delete the same things, which does no harm.
 */
@Injectable()
export class PositionRetention implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(PositionRetention.name);
  private readonly stop = new AbortController();
  private sweeping: Promise<unknown> = Promise.resolve();

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly vehicles: VehiclesService,
    private readonly repository: RetentionRepository,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    const { positionDays } = this.settings.retention;
    if (positionDays !== null) this.sweeping = this.sweepForEver(positionDays);
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.sweeping;
  }

  /** Everything there is to delete now; ends early when the service stops. @throws storage/unavailable */
  async sweep(days: number): Promise<SweepResult> {
    const beforeMs = this.clock.nowMs() - days * DAY_MS;
    const startMs = performance.now();
    let loggedMs = startMs;
    const total = { positions: 0, quarantined: 0 };
    const ids = await this.vehicles.listIdsIncludingArchived();
    for (const [index, id] of ids.entries()) {
      if (this.stop.signal.aborted) break;
      total.positions += await this.sweepPositions(id, beforeMs);
      total.quarantined += await this.sweepQuarantine(id, new Date(beforeMs));
      if (performance.now() - loggedMs < PROGRESS_EVERY_MS) continue;
      loggedMs = performance.now();
      this.logger.log({ ...total, vehicles: index + 1, of: ids.length }, 'retention: under way');
    }
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    if (total.positions + total.quarantined > 0)
      this.logger.log({ ...total, days, seconds }, 'retention: swept');
    return total;
  }

  private async sweepForEver(days: number): Promise<void> {
    await this.database.whenStarted();
    while (!this.stop.signal.aborted) {
      await this.sweep(days).catch((error: unknown) =>
        this.logger.warn({ err: error }, 'retention: cut short; the rest goes with the next sweep'),
      );
      await this.rest(SWEEP_INTERVAL_MS);
    }
  }

  private async sweepPositions(vehicleId: string, beforeMs: number): Promise<number> {
    let total = 0;
    let deleted: number;
    do {
      deleted = await this.throttled(() =>
        this.repository.deletePositionsBefore(vehicleId, beforeMs, BATCH_SIZE),
      );
      total += deleted;
    } while (deleted >= BATCH_SIZE && !this.stop.signal.aborted);
    return total;
  }

  private async sweepQuarantine(vehicleId: string, receivedBefore: Date): Promise<number> {
    let total = 0;
    let after: Buffer | null = null;
    do {
      const from: Buffer | null = after;
      const step: QuarantineStep = await this.throttled(() =>
        this.repository.deleteQuarantinedBefore(vehicleId, receivedBefore, from, BATCH_SIZE),
      );
      total += step.deleted;
      after = step.after;
    } while (after !== null && !this.stop.signal.aborted);
    return total;
  }

  private async throttled<T>(work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const result = await work();
    await this.rest((performance.now() - startMs) * PAUSE_FACTOR);
    return result;
  }

  private async rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stop.signal, ref: false }).catch(() => undefined);
  }
}
