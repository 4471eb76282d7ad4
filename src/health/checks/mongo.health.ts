import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Clock, ClockSkewDetector } from '../../core/index.js';
import { DatabaseTime } from '../../database/index.js';
import { InstanceIdentity } from '../../cluster/index.js';
import { type HealthIssue, InstancesRepository } from '../../deployment/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/** Fixed by the contract. Either clock may be wrong, but every fix is validated by the clock of this process. */
const MAX_SKEW_MS = 5_000;

/** Below `limitMs`, so that the database gives up before the check does. */
const CONFIRM_MS = 700;

/**
 * Pings the database, compares its clock with the clock of this process, and writes the heartbeat of this instance: a
 * primary without a majority answers pings and reads, and confirms no write.
 */
@Injectable()
export class MongoHealth extends HealthCheck {
  readonly name = 'mongo';
  readonly limitMs = 1_000;
  readonly whenDown = healthIssue('not_ready', 'mongo.down');
  override readonly isCritical = true;

  constructor(
    indicators: HealthIndicatorService,
    private readonly database: DatabaseTime,
    private readonly instances: InstancesRepository,
    private readonly identity: InstanceIdentity,
    private readonly clock: Clock,
    private readonly skewDetector: ClockSkewDetector,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const beforeMs = this.clock.nowMs();
    const databaseTime = await this.database.read();
    const afterMs = this.clock.nowMs();
    const databaseMs = databaseTime.getTime();
    // The database read its clock between the two times; only a value outside of them is a certain difference.
    const clockSkewMs = databaseMs > afterMs ? databaseMs - afterMs : Math.min(0, databaseMs - beforeMs);
    const isConfirmed = await this.instances.touch(this.identity.id, databaseTime, CONFIRM_MS);
    const issues = [
      ...(isConfirmed ? [] : [healthIssue('not_ready', 'mongo.no_majority')]),
      ...this.clockIssues(clockSkewMs),
    ];
    return { issues, detail: { clockSkewMs } };
  }

  private clockIssues(skewMs: number): HealthIssue[] {
    return [
      ...(Math.abs(skewMs) > MAX_SKEW_MS ? [healthIssue('degraded', 'clock.skewed')] : []),
      ...(this.skewDetector.isSkewLikely ? [healthIssue('degraded', 'clock.suspect')] : []),
    ];
  }
}
