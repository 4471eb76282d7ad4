import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseLink } from '../database/index.js';
import { type Finding, ReadinessBoard } from '../release/index.js';
import { Damper } from './damper.js';
import type { HealthCheck, Look } from './health-check.js';
import { HEALTH_CHECKS } from './health-checks.js';

export type CheckStatus = 'pending' | 'up' | 'degraded' | 'down';

/** What a check has come to, as `/ready` shows it to operators. */
export interface CheckReport {
  readonly status: CheckStatus;
  readonly critical: boolean;
  /** Of the last look; null before the first. */
  readonly latencyMs: number | null;
  readonly reasons: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

interface Run {
  readonly check: HealthCheck;
  readonly damper: Damper;
  report: CheckReport;
}

/** Looks at everything on its own timer, and puts what it finds on the board. Whoever asks gets the last result. */
@Injectable()
export class CheckRunner implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(CheckRunner.name);
  private readonly stop = new AbortController();
  private readonly runs: readonly Run[];

  constructor(
    @Inject(HEALTH_CHECKS) checks: readonly HealthCheck[],
    private readonly board: ReadinessBoard,
    private readonly link: DatabaseLink,
  ) {
    this.runs = checks.map((check) => ({
      check,
      damper: new Damper(check.failures, check.passes),
      report: { status: 'pending', critical: check.isCritical, latencyMs: null, reasons: [], detail: {} },
    }));
  }

  onApplicationBootstrap(): void {
    for (const run of this.runs) void this.keepLooking(run);
    void this.lookOnceStarted();
  }

  onApplicationShutdown(): void {
    this.stop.abort();
  }

  /** By the checks' names. */
  get reports(): Readonly<Record<string, CheckReport>> {
    return Object.fromEntries(this.runs.map(({ check, report }) => [check.name, report]));
  }

  /** What was seen while the instance started says nothing of how it is now. */
  private async lookOnceStarted(): Promise<void> {
    await this.link.whenStarted();
    await Promise.all(this.runs.map((run) => this.look(run)));
    if (!this.stop.signal.aborted) this.board.complete();
  }

  private async keepLooking(run: Run): Promise<void> {
    while (!this.stop.signal.aborted) {
      await this.look(run);
      await sleep(run.check.everyMs, undefined, { signal: this.stop.signal, ref: false }).catch(
        () => undefined,
      );
    }
  }

  private async look(run: Run): Promise<void> {
    const { check, damper } = run;
    const beganMs = performance.now();
    const { status, findings = [], detail = {} } = await this.ask(check);
    const found = status === 'up' ? findings : check.whenDown && [check.whenDown];
    const counted = found ? damper.take(found) : damper.counted;
    this.tell(check.name, run.report, counted);
    run.report = {
      status: statusOf(counted),
      critical: check.isCritical,
      latencyMs: Math.round(performance.now() - beganMs),
      reasons: counted.map(({ reason }) => reason),
      detail,
    };
    this.board.report(check.name, counted);
  }

  /** A check that is itself broken is a check that is down. */
  private async ask(check: HealthCheck): Promise<Look & { readonly status: 'up' | 'down' }> {
    try {
      return (await check.look())[check.name] ?? { status: 'down' };
    } catch (error) {
      this.logger.error({ err: error, check: check.name }, 'a check is broken');
      return { status: 'down' };
    }
  }

  private tell(check: string, before: CheckReport, now: readonly Finding[]): void {
    const reasons = now.map(({ reason }) => reason);
    const fresh = reasons.filter((reason) => !before.reasons.includes(reason));
    const over = before.reasons.filter((reason) => !reasons.includes(reason));
    if (fresh.length > 0) this.logger.warn({ check, reasons: fresh }, 'a check has found something');
    if (over.length > 0) this.logger.log({ check, reasons: over }, 'what a check had found is over');
  }
}

function statusOf(findings: readonly Finding[]): CheckStatus {
  if (findings.some(({ effect }) => effect !== 'degraded')) return 'down';
  return findings.length > 0 ? 'degraded' : 'up';
}
