import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseConnection } from '../database/index.js';
import { type HealthIssue, ReadinessState } from '../deployment/index.js';
import { Debouncer } from './debouncer.js';
import type { HealthCheck, CheckResult } from './health-check.js';
import { HEALTH_CHECKS } from './health-checks.js';

export type CheckStatus = 'pending' | 'up' | 'degraded' | 'down';

/** What a check has come to, as `/ready` shows it to operators. */
export interface CheckReport {
  readonly status: CheckStatus;
  readonly critical: boolean;
  /** Of the last check; null before the first. */
  readonly latencyMs: number | null;
  readonly reasons: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

interface Run {
  readonly check: HealthCheck;
  readonly debouncer: Debouncer;
  report: CheckReport;
}

/** Looks at everything on its own timer, and puts what it finds on the readiness. Whoever asks gets the last result. */
@Injectable()
export class CheckRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(CheckRunner.name);
  private readonly stop = new AbortController();
  private readonly runs: readonly Run[];

  constructor(
    @Inject(HEALTH_CHECKS) checks: readonly HealthCheck[],
    private readonly readiness: ReadinessState,
    private readonly databaseConnection: DatabaseConnection,
  ) {
    this.runs = checks.map((check) => ({
      check,
      debouncer: new Debouncer(check.failures, check.passes),
      report: { status: 'pending', critical: check.isCritical, latencyMs: null, reasons: [], detail: {} },
    }));
  }

  onApplicationBootstrap(): void {
    for (const run of this.runs) void this.checkPeriodically(run);
    void this.checkOnceStarted();
  }

  onApplicationShutdown(): void {
    this.stop.abort();
  }

  /** By the checks' names. */
  get reports(): Readonly<Record<string, CheckReport>> {
    return Object.fromEntries(this.runs.map(({ check, report }) => [check.name, report]));
  }

  /** What was seen while the instance started says nothing of how it is now. */
  private async checkOnceStarted(): Promise<void> {
    await this.databaseConnection.whenStarted();
    await Promise.all(this.runs.map((run) => this.check(run)));
    if (!this.stop.signal.aborted) this.readiness.complete();
  }

  private async checkPeriodically(run: Run): Promise<void> {
    while (!this.stop.signal.aborted) {
      await this.check(run);
      await sleep(run.check.everyMs, undefined, { signal: this.stop.signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  private async check(run: Run): Promise<void> {
    const { check, debouncer } = run;
    const beganMs = performance.now();
    const { status, issues = [], detail = {} } = await this.runIndicator(check);
    const found = status === 'up' ? issues : check.whenDown && [check.whenDown];
    const confirmedIssues = found ? debouncer.record(found) : debouncer.confirmedIssues;
    this.logChanges(check.name, run.report, confirmedIssues);
    run.report = {
      status: statusOf(confirmedIssues),
      critical: check.isCritical,
      latencyMs: Math.round(performance.now() - beganMs),
      reasons: confirmedIssues.map(({ reason }) => reason),
      detail,
    };
    this.readiness.report(check.name, confirmedIssues);
  }

  /** A check that is itself broken is a check that is down. */
  private async runIndicator(check: HealthCheck): Promise<CheckResult & { readonly status: 'up' | 'down' }> {
    try {
      return (await check.check())[check.name] ?? { status: 'down' };
    } catch (error) {
      this.logger.error({ err: error, check: check.name }, 'a check is broken');
      return { status: 'down' };
    }
  }

  private logChanges(check: string, before: CheckReport, now: readonly HealthIssue[]): void {
    const reasons = now.map(({ reason }) => reason);
    const fresh = reasons.filter((reason) => !before.reasons.includes(reason));
    const over = before.reasons.filter((reason) => !reasons.includes(reason));
    if (fresh.length > 0) this.logger.warn({ check, reasons: fresh }, 'a check has found something');
    if (over.length > 0) this.logger.log({ check, reasons: over }, 'what a check had found is over');
  }
}

function statusOf(issues: readonly HealthIssue[]): CheckStatus {
  if (issues.some(({ effect }) => effect !== 'degraded')) return 'down';
  return issues.length > 0 ? 'degraded' : 'up';
}
