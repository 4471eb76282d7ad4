import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { LagMonitor } from '../../core/index.js';
import { healthIssue, HealthCheck, type CheckResult } from '../health-check.js';

/** Longer than a restart of the database takes; by then somebody is looking at old places. */
const MAX_LAG_MS = 60_000;

/** Whether what is done in the background keeps up. It never keeps an instance from taking anything in. */
@Injectable()
export class LagHealth extends HealthCheck {
  readonly name = 'backlogs';
  readonly limitMs = 1_000;
  readonly whenDown = null;
  override readonly failures = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly backlogs: LagMonitor,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const all = this.backlogs.list().map(({ name, lagMs }) => ({ name, lagMs }));
    return {
      issues: all
        .filter(({ lagMs }) => lagMs > MAX_LAG_MS)
        .map(({ name }) => healthIssue('degraded', `backlog.${name}`)),
      detail: Object.fromEntries(
        all.map(({ name, lagMs }) => [name, { lagS: Math.round(lagMs / 100) / 10 }]),
      ),
    };
  }
}
