import type { HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import type { Effect, Finding } from '../release/index.js';

/** What a look found: nothing wrong, or these; and what an operator may see of it. Never a secret or an error's text. */
export interface Look extends Record<string, unknown> {
  readonly findings?: readonly Finding[];
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** As Terminus gives it: `down` when the look threw or took too long. */
export type LookResult = HealthIndicatorResult<string, 'up' | 'down', Look>;

export const finding = (effect: Effect, reason: string): Finding => ({ effect, reason });

/**
 * One check: one real operation against one thing, looked at on a timer and never by a probe.
 * A new one is a `*.health.ts` in `checks/`, listed in `health-checks.ts`.
 */
export abstract class HealthCheck {
  /** Its key in `/ready` and in the metrics. */
  abstract readonly name: string;
  /** A look that takes longer has failed. */
  abstract readonly limitMs: number;
  /** What a look means that failed; null: nothing is known then, and what was found before stands. */
  abstract readonly whenDown: Finding | null;
  /** Whether the instance can do its work without it. */
  readonly isCritical: boolean = false;
  readonly everyMs: number = 2_000;
  /** So many looks in a row find a thing before it counts, and so many do not before it is over. */
  readonly failures: number = 3;
  readonly passes: number = 2;

  constructor(private readonly indicators: HealthIndicatorService) {}

  /** Never rejects. */
  look(): PromiseLike<LookResult> {
    const attempt = this.indicators.check(this.name).attempt(() => this.measure());
    return attempt.withTimeout(this.limitMs) as PromiseLike<LookResult>;
  }

  /** @throws anything: then it is down */
  protected abstract measure(): Promise<Look>;
}
