import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DeploymentIdService } from '../../database/index.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/**
 * Whether this is the database that `samserver init` marked. An empty one, or another's, looks healthy to everything
 * else while every vehicle is missing.
 */
@Injectable()
export class DeploymentHealth extends HealthCheck {
  readonly name = 'deployment';
  readonly limitMs = 1_000;
  override readonly isCritical = true;
  override readonly failures = 1;
  override readonly passes = 1;
  /** As with the schema. */
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
