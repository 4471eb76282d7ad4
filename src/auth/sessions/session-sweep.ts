import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { SessionsRepository } from './sessions.repository.js';
import { SESSION_TTL_MS } from './sessions.service.js';

const EVERY_MS = 3_600_000;
/** Kept a little longer: a token of a session that is known is told that it has expired, not that it is forged. */
const KEPT_AFTER_MS = 24 * 3_600_000;

/** Forgets sessions that nobody can go on with. */
@Injectable()
export class SessionSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(SessionSweep.name);
  private timer: NodeJS.Timeout | null = null;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), EVERY_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    if (this.timer) clearInterval(this.timer);
  }

  async sweep(): Promise<void> {
    const beforeMs = this.clock.nowMs() - SESSION_TTL_MS - KEPT_AFTER_MS;
    try {
      await this.sessions.removeBegunBefore(beforeMs);
    } catch (error) {
      this.logger.warn({ err: error }, 'ended sessions could not be removed; the next sweep will');
    }
  }
}
