import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { Effect, HealthIssue } from '../deployment/index.js';

/** What a check found: nothing wrong, or these; and what an operator may see of it. Never a secret or an error's text. */
export interface CheckResult extends Record<string, unknown> {
  readonly issues?: readonly HealthIssue[];
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** As Terminus gives it: `down` when the check threw or took too long. */
export type IndicatorResult = HealthIndicatorResult<string, 'up' | 'down', CheckResult>;

export const healthIssue = (effect: Effect, reason: string): HealthIssue => ({ effect, reason });

/**
 * One check: one real operation against one thing, looked at on a timer and never by a probe.
 * A new one is a `*.health.ts` in `checks/`, listed in `health-checks.ts`.
 */
export abstract class HealthCheck {
  /** Its key in `/ready` and in the metrics. */
  abstract readonly name: string;
  /** A check that takes longer has failed. */
  abstract readonly limitMs: number;
  /** What a check means that failed; null: nothing is known then, and what was found before stands. */
  abstract readonly whenDown: HealthIssue | null;
  /** Whether the instance can do its work without it. */
  readonly isCritical: boolean = false;
  readonly everyMs: number = 2_000;
  /** So many looks in a row find a thing before it counts, and so many do not before it is over. */
  readonly failures: number = 3;
  readonly passes: number = 2;

  constructor(private readonly indicators: HealthIndicatorService) {}

  /** Never rejects. */
  check(): PromiseLike<IndicatorResult> {
    const attempt = this.indicators.check(this.name).attempt(() => this.measure());
    return attempt.withTimeout(this.limitMs) as PromiseLike<IndicatorResult>;
  }

  /** @throws anything: then it is down */
  protected abstract measure(): Promise<CheckResult>;
}
