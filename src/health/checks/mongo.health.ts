import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Clock, ClockSkewDetector } from '../../core/index.js';
import { DatabaseTime } from '../../database/index.js';
import type { HealthIssue } from '../../deployment/index.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/** Contract; of two clocks that differ nobody knows which is wrong, but every fix is judged by ours. */
const MAX_SKEW_MS = 5_000;

/** Asks the database for an answer, and for its clock with it. */
@Injectable()
export class MongoHealth extends HealthCheck {
  readonly name = 'mongo';
  readonly limitMs = 1_000;
  readonly whenDown = healthIssue('not_ready', 'mongo.down');
  override readonly isCritical = true;

  constructor(
    indicators: HealthIndicatorService,
    private readonly database: DatabaseTime,
    private readonly clock: Clock,
    private readonly doubt: ClockSkewDetector,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const beforeMs = this.clock.nowMs();
    const theirsMs = (await this.database.read()).getTime();
    const afterMs = this.clock.nowMs();
    // Their clock was read somewhere between: only what lies outside of that is a difference for certain.
    const clockSkewMs = theirsMs > afterMs ? theirsMs - afterMs : Math.min(0, theirsMs - beforeMs);
    return { issues: this.clockIssues(clockSkewMs), detail: { clockSkewMs } };
  }

  private clockIssues(skewMs: number): HealthIssue[] {
    return [
      ...(Math.abs(skewMs) > MAX_SKEW_MS ? [healthIssue('degraded', 'clock.skewed')] : []),
      ...(this.doubt.isSkewLikely ? [healthIssue('degraded', 'clock.suspect')] : []),
    ];
  }
}
