import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DeploymentIdService } from '../../database/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/**
 * The database has the mark of `samserver init`; checked with ENVIRONMENT=LIVE. A wrong or empty database passes every
 * other check although all vehicles are missing.
 */
@Injectable()
export class DeploymentHealth extends HealthCheck {
  readonly name = 'deployment';
  readonly limitMs = 1_000;
  override readonly isCritical = true;
  override readonly failureThreshold = 1;
  override readonly successThreshold = 1;
  /** A database outage is an issue of the mongo check. */
  readonly whenDown = null;

  constructor(
    indicators: HealthIndicatorService,
    private readonly deployment: DeploymentIdService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    if (!this.settings.isLive) return {};
    const isMarked = (await this.deployment.find()) !== null;
    return { issues: isMarked ? [] : [healthIssue('blocked', 'deployment.unmarked')] };
  }
}
