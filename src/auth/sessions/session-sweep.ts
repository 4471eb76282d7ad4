import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, Clock } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { SessionsRepository } from './sessions.repository.js';
import { SESSION_TTL_MS } from './sessions.service.js';

const INTERVAL_MS = 3_600_000;
/**
 * Expired sessions are kept for one more day, so that their tokens get `auth/token-expired` and not
 * `auth/token-invalid`.
 */
const KEPT_AFTER_EXPIRY_MS = 24 * 3_600_000;

/** Deletes expired sessions. One instance does it for all. */
@Injectable()
export class SessionSweep implements OnApplicationBootstrap {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'session-sweep',
      intervalMs: INTERVAL_MS,
      lock: {},
      startsAfter: () => this.database.whenStarted(),
      run: () => this.sweep(),
    });
  }

  async sweep(): Promise<void> {
    await this.sessions.removeBegunBefore(this.clock.nowMs() - SESSION_TTL_MS - KEPT_AFTER_EXPIRY_MS);
  }
}
