import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import type { Rollout } from './rollout.js';
import { RolloutRepository } from './rollout.repository.js';

/** Every instance must have a change of the record within 5 s (issue 4). */
const INTERVAL_MS = 2_000;

/** Keeps the rollout record in memory. During a database outage the last record that was read stays in use. */
@Injectable()
export class RolloutPoller implements OnApplicationBootstrap {
  private readonly logger = new Logger(RolloutPoller.name);
  private known: Rollout | null = null;

  constructor(
    private readonly rollouts: RolloutRepository,
    private readonly databaseConnection: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
  ) {}

  /** null means the same as phase `idle`. */
  get current(): Rollout | null {
    return this.known;
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'rollout-poller',
      intervalMs: INTERVAL_MS,
      startsAfter: () => this.databaseConnection.whenStarted(),
      run: () => this.poll(),
    });
  }

  private async poll(): Promise<void> {
    const found = await this.rollouts.find();
    if (found && found.epoch !== this.known?.epoch) {
      const { id, from, to, phase, weightPct, epoch } = found;
      this.logger.log({ rollout: { id, from, to, phase, weightPct, epoch } }, 'rollout changed');
    }
    this.known = found;
  }
}
