import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { BackgroundJobs } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import { type Effect, type HealthIssue, InstanceLifecycle } from '../deployment/index.js';

/** Result of one run of a check: issues found, and details for operators. Never a secret or an error text. */
export interface CheckResult extends Record<string, unknown> {
  readonly issues?: readonly HealthIssue[];
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Result as Terminus reports it: `down` when the check threw or timed out. */
type IndicatorResult = HealthIndicatorResult<string, 'up' | 'down', CheckResult>;

export const healthIssue = (effect: Effect, reason: string): HealthIssue => ({ effect, reason });

/**
 * A health check: one real operation with a time limit, as a Terminus indicator. To add one, write
 * `checks/<name>.health.ts` and list it in `health.module.ts`.
 */
export abstract class HealthCheck {
  /** Key in `/ready` and in the metrics. */
  abstract readonly name: string;
  /** A longer run counts as down. */
  abstract readonly limitMs: number;
  /** The issue of a run that is down. null: such a run proves nothing, and the confirmed issues stay. */
  abstract readonly whenDown: HealthIssue | null;
  /** The instance cannot work without what this check tests. */
  readonly isCritical: boolean = false;
  readonly intervalMs: number = 2_000;
  /** Runs in a row that must find an issue before it is confirmed. */
  readonly failureThreshold: number = 3;
  /** Runs in a row without a confirmed issue before it is over. */
  readonly successThreshold: number = 2;

  constructor(private readonly indicators: HealthIndicatorService) {}

  /** Never rejects. */
  check(): PromiseLike<IndicatorResult> {
    const attempt = this.indicators.check(this.name).attempt(() => this.measure());
    return attempt.withTimeout(this.limitMs) as PromiseLike<IndicatorResult>;
  }

  /** @throws any error: the run is down */
  protected abstract measure(): Promise<CheckResult>;
}

interface DebouncedIssue {
  readonly issue: HealthIssue;
  failures: number;
  successes: number;
  isConfirmed: boolean;
}

/** Debounces the issues of one check, so that neither a single failure nor a single success changes the state. */
export class Debouncer {
  private readonly byReason = new Map<string, DebouncedIssue>();

  constructor(
    private readonly failureThreshold: number,
    private readonly successThreshold: number,
  ) {}

  /**
   * @param found the issues of one run
   * @returns the confirmed issues after it
   */
  record(found: readonly HealthIssue[]): readonly HealthIssue[] {
    for (const issue of found) {
      const known = this.byReason.get(issue.reason);
      // A confirmed issue stays confirmed when its effect changes.
      if (known?.issue.effect !== issue.effect) {
        const isConfirmed = known?.isConfirmed ?? false;
        this.byReason.set(issue.reason, { issue, failures: 0, successes: 0, isConfirmed });
      }
    }
    for (const [reason, known] of this.byReason) {
      if (found.some((issue) => issue.reason === reason)) {
        known.failures += 1;
        known.successes = 0;
        if (known.failures >= this.failureThreshold) known.isConfirmed = true;
      } else {
        known.successes += 1;
        known.failures = 0;
        if (!known.isConfirmed || known.successes >= this.successThreshold) this.byReason.delete(reason);
      }
    }
    return this.confirmedIssues;
  }

  get confirmedIssues(): readonly HealthIssue[] {
    return [...this.byReason.values()].filter(({ isConfirmed }) => isConfirmed).map(({ issue }) => issue);
  }
}

type CheckStatus = 'pending' | 'up' | 'degraded' | 'down';

/** The latest result of a check after debouncing, as `/ready` shows it to operators. */
export interface CheckReport {
  readonly status: CheckStatus;
  readonly critical: boolean;
  /** Duration of the last run; null before the first. */
  readonly latencyMs: number | null;
  readonly reasons: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

interface ScheduledCheck {
  readonly check: HealthCheck;
  readonly debouncer: Debouncer;
  report: CheckReport;
  /** A run that began after the start of the instance has completed, and proves something. */
  isChecked: boolean;
}

/** Injection token of all checks, in the order of `/ready`. */
export const HEALTH_CHECKS = Symbol('HEALTH_CHECKS');

/** Runs each check as a background job and reports its confirmed issues to the lifecycle. Probes read; they never run a check. */
@Injectable()
export class CheckRunner implements OnApplicationBootstrap {
  private readonly logger = new Logger(CheckRunner.name);
  private readonly scheduled: readonly ScheduledCheck[];

  constructor(
    @Inject(HEALTH_CHECKS) checks: readonly HealthCheck[],
    private readonly lifecycle: InstanceLifecycle,
    private readonly databaseConnection: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
  ) {
    this.scheduled = checks.map((check) => ({
      check,
      debouncer: new Debouncer(check.failureThreshold, check.successThreshold),
      report: { status: 'pending', critical: check.isCritical, latencyMs: null, reasons: [], detail: {} },
      isChecked: false,
    }));
  }

  onApplicationBootstrap(): void {
    const jobs = this.scheduled.map((scheduled) =>
      this.jobs.start({
        name: `health-check-${scheduled.check.name}`,
        intervalMs: scheduled.check.intervalMs,
        jitter: 0,
        runsAtStart: true,
        run: () => this.runCheck(scheduled),
      }),
    );
    // Earlier results describe an instance that is still starting.
    void this.databaseConnection.whenStarted().then(() => jobs.forEach((job) => job.trigger()));
  }

  /** By the names of the checks. */
  get reports(): Readonly<Record<string, CheckReport>> {
    return Object.fromEntries(this.scheduled.map(({ check, report }) => [check.name, report]));
  }

  private async runCheck(scheduled: ScheduledCheck): Promise<void> {
    const { check, debouncer } = scheduled;
    const beganAfterStart = this.databaseConnection.hasStarted;
    const beganMs = performance.now();
    const { status, issues = [], detail = {} } = await this.runIndicator(check);
    const found = status === 'up' ? issues : check.whenDown && [check.whenDown];
    const confirmed = found ? debouncer.record(found) : debouncer.confirmedIssues;
    this.logChanges(check.name, scheduled.report, confirmed);
    scheduled.report = {
      status: statusOf(confirmed),
      critical: check.isCritical,
      latencyMs: Math.round(performance.now() - beganMs),
      reasons: confirmed.map(({ reason }) => reason),
      detail,
    };
    this.lifecycle.reportIssues(check.name, confirmed);
    // A run that is down and proves nothing is no first check: what it looks for would be missing in the first `/ready`.
    if (scheduled.isChecked || !beganAfterStart || found === null) return;
    scheduled.isChecked = true;
    if (this.scheduled.every(({ isChecked }) => isChecked)) this.lifecycle.completeFirstChecks();
  }

  private async runIndicator(check: HealthCheck): Promise<CheckResult & { readonly status: 'up' | 'down' }> {
    try {
      return (await check.check())[check.name] ?? { status: 'down' };
    } catch (error) {
      this.logger.error({ err: error, check: check.name }, 'health check threw an error');
      return { status: 'down' };
    }
  }

  private logChanges(check: string, before: CheckReport, now: readonly HealthIssue[]): void {
    const reasons = now.map(({ reason }) => reason);
    const found = reasons.filter((reason) => !before.reasons.includes(reason));
    const resolved = before.reasons.filter((reason) => !reasons.includes(reason));
    if (found.length > 0) this.logger.warn({ check, reasons: found }, 'health issue confirmed');
    if (resolved.length > 0) this.logger.log({ check, reasons: resolved }, 'health issue resolved');
  }
}

function statusOf(issues: readonly HealthIssue[]): CheckStatus {
  if (issues.some(({ effect }) => effect !== 'degraded')) return 'down';
  return issues.length > 0 ? 'degraded' : 'up';
}
