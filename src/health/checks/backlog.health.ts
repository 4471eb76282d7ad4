import { Injectable } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { Backlogs } from '../../release/index.js';
import { finding, HealthCheck, type Look } from '../health-check.js';

/** Longer than a restart of the database takes; by then somebody is looking at old places. */
const LIMIT_MS = 60_000;

/** Whether what is done in the background keeps up. It never keeps an instance from taking anything in. */
@Injectable()
export class BacklogHealth extends HealthCheck {
  readonly name = 'backlogs';
  readonly limitMs = 1_000;
  readonly whenDown = null;
  override readonly failures = 1;

  constructor(
    indicators: HealthIndicatorService,
    private readonly backlogs: Backlogs,
  ) {
    super(indicators);
  }

  protected async measure(): Promise<Look> {
    const all = this.backlogs.list().map(({ name, lagMs }) => ({ name, lagMs }));
    return {
      findings: all
        .filter(({ lagMs }) => lagMs > LIMIT_MS)
        .map(({ name }) => finding('degraded', `backlog.${name}`)),
      detail: Object.fromEntries(
        all.map(({ name, lagMs }) => [name, { lagS: Math.round(lagMs / 100) / 10 }]),
      ),
    };
  }
}
