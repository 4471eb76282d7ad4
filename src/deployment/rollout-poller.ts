import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { DatabaseConnection } from '../database/index.js';
import type { Rollout } from './rollout.js';
import { RolloutRepository } from './rollout.repository.js';

/** Every instance knows within 5 s (issue 4) what a tool wrote; a read of one document costs nothing. */
const EVERY_MS = 2_000;

/** The rollout as this instance knows it. While storage is away it is what was known before. */
@Injectable()
export class RolloutPoller implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(RolloutPoller.name);
  private timer: NodeJS.Timeout | null = null;
  private isReading = false;
  private known: Rollout | null = null;

  constructor(
    private readonly rollouts: RolloutRepository,
    private readonly databaseConnection: DatabaseConnection,
  ) {}

  /** null is as good as `idle`. */
  get current(): Rollout | null {
    return this.known;
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.poll(), EVERY_MS);
    this.timer.unref();
  }

  onApplicationShutdown(): void {
    if (this.timer) clearInterval(this.timer);
  }

  private async poll(): Promise<void> {
    if (this.isReading || !this.databaseConnection.hasStarted) return;
    this.isReading = true;
    try {
      const found = await this.rollouts.find();
      if (found && found.epoch !== this.known?.epoch) {
        const { id, from, to, phase, weightPct, epoch } = found;
        this.logger.log({ rollout: { id, from, to, phase, weightPct, epoch } }, 'the rollout has moved on');
      }
      this.known = found;
    } catch {
      // Storage's trouble has a check and a log line of its own.
    } finally {
      this.isReading = false;
    }
  }
}
