import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { LagMonitor, type LagSource } from '../../core/index.js';
import { type CheckResult, HealthCheck, healthIssue } from '../check-runner.js';

/** Longer than a restart of the database takes. */
const MAX_LAG_MS = 60_000;

/** Lag of background work, such as writing the collections of the old server. It degrades only: positions are accepted. */
@Injectable()
export class LagHealth extends HealthCheck {
  readonly name = 'backlogs';
  readonly limitMs = 1_000;
  readonly whenDown = null;
  override readonly failureThreshold = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly lagMonitor: LagMonitor,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<CheckResult> {
    const sources = this.lagMonitor.list().map((source) => ({ source, lagMs: source.lagMs }));
    return {
      issues: sources.flatMap(({ source, lagMs }) =>
        reasonsOf(source, lagMs).map((reason) => healthIssue('degraded', reason)),
      ),
      detail: Object.fromEntries(
        sources.map(({ source, lagMs }) => [
          source.name,
          { lagS: Math.round(lagMs / 100) / 10, ...source.detail },
        ]),
      ),
    };
  }
}

function reasonsOf(
  { name, isInformative = false, issues = [] }: LagSource,
  lagMs: number,
): readonly string[] {
  return lagMs > MAX_LAG_MS && !isInformative ? [`backlog.${name}`, ...issues] : issues;
}
