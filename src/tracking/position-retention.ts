import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/index.js';
import { BackgroundJobs, Clock, pacedStep } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import { VehiclesService } from '../vehicles/index.js';
import { RetentionRepository, type RetentionStep } from './retention.repository.js';

const DAY_MS = 86_400_000;
const SWEEP_INTERVAL_MS = 3_600_000;
const BATCH_SIZE = 500;
const PROGRESS_INTERVAL_MS = 60_000;

interface SweepResult {
  readonly positions: number;
  readonly quarantined: number;
}

/**
 * Deletes data older than POSITION_RETENTION_DAYS: positions by the later of fix time and receipt, quarantined positions
 * by the time of receipt, because their own time can be wrong. The newest position of a vehicle stays, however old it is. Without
 * the setting nothing is deleted. One instance sweeps for all.
 */
@Injectable()
export class PositionRetention implements OnApplicationBootstrap {
  private readonly logger = new Logger(PositionRetention.name);

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly vehicles: VehiclesService,
    private readonly repository: RetentionRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    const { positionDays } = this.settings.retention;
    if (positionDays === null) return;
    this.jobs.start({
      name: 'position-retention',
      intervalMs: SWEEP_INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: async (signal) => void (await this.sweep(positionDays, signal)),
    });
  }

  /**
   * Deletes everything that is too old now.
   * @param signal ends the sweep early
   * @throws storage/unavailable
   */
  async sweep(days: number, signal?: AbortSignal): Promise<SweepResult> {
    const beforeMs = this.clock.nowMs() - days * DAY_MS;
    const startMs = performance.now();
    let loggedMs = startMs;
    const total = { positions: 0, quarantined: 0 };
    const ids = await this.vehicles.listIdsIncludingArchived();
    for (const [index, id] of ids.entries()) {
      if (signal?.aborted) break;
      total.positions += await this.sweepPositions(id, beforeMs, signal);
      total.quarantined += await this.sweepQuarantine(id, new Date(beforeMs), signal);
      if (performance.now() - loggedMs < PROGRESS_INTERVAL_MS) continue;
      loggedMs = performance.now();
      this.logger.log({ ...total, vehicles: index + 1, of: ids.length }, 'retention sweep in progress');
    }
    const seconds = Math.round((performance.now() - startMs) / 1_000);
    if (total.positions + total.quarantined > 0)
      this.logger.log({ ...total, days, seconds }, 'retention sweep finished');
    return total;
  }

  private async sweepPositions(vehicleId: string, beforeMs: number, signal?: AbortSignal): Promise<number> {
    const end = await this.repository.findEndOfOld(vehicleId, beforeMs);
    if (end === null) return 0;
    const before = new Date(beforeMs);
    return sweepSteps(
      (after) => this.repository.deletePositionsReceivedBefore(vehicleId, before, after, end, BATCH_SIZE),
      signal,
    );
  }

  private sweepQuarantine(vehicleId: string, receivedBefore: Date, signal?: AbortSignal): Promise<number> {
    return sweepSteps(
      (after) => this.repository.deleteQuarantinedBefore(vehicleId, receivedBefore, after, BATCH_SIZE),
      signal,
    );
  }
}

/** @returns how many documents were deleted */
async function sweepSteps(
  step: (after: Buffer | null) => Promise<RetentionStep>,
  signal?: AbortSignal,
): Promise<number> {
  let total = 0;
  let after: Buffer | null = null;
  do {
    const from: Buffer | null = after;
    const result: RetentionStep = await pacedStep(() => step(from), signal);
    total += result.deleted;
    after = result.after;
  } while (after !== null && !signal?.aborted);
  return total;
}
