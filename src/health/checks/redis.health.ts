import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { errorReplyCode, Redis } from '../../cluster/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/** Error codes of Redis (`redis-doc`, "RESP error codes" and `src/server.c`) that an operator can act on → reason. */
const REASON_BY_CODE: Readonly<Record<string, string>> = {
  OOM: 'redis.full',
  READONLY: 'redis.read_only',
  MISCONF: 'redis.read_only',
  WRONGPASS: 'redis.refused',
  NOAUTH: 'redis.refused',
  NOPERM: 'redis.refused',
};

/** Writes to Redis. It degrades only: positions and pictures are accepted without Redis. Passes when it is not configured. */
@Injectable()
export class RedisHealth extends HealthCheck {
  readonly name = 'redis';
  /** Above the limit of the probe, 0.5 s, whose error has the reason. */
  readonly limitMs = 1_000;
  readonly whenDown = healthIssue('degraded', 'redis.down');

  constructor(
    indicators: HealthIndicatorService,
    private readonly redis: Redis,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const detail = { configured: this.redis.isConfigured };
    if (!this.redis.isConfigured) return { detail };
    try {
      await this.redis.probe();
      return { detail };
    } catch (error) {
      const reason = REASON_BY_CODE[errorReplyCode(error) ?? ''] ?? 'redis.down';
      return { issues: [healthIssue('degraded', reason)], detail };
    }
  }
}
