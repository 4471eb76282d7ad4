import { Injectable } from '@nestjs/common';

/** What a issue does to the instance, worst first. */
export const EFFECTS = ['blocked', 'not_ready', 'degraded'] as const;
export type Effect = (typeof EFFECTS)[number];

/** Something that is not as it should be: `reason` is a code as in `mongo.down`, the same in `/ready`, logs and metrics. */
export interface HealthIssue {
  readonly effect: Effect;
  readonly reason: string;
}

/**
 * What the checks have found, in memory: probes and doors read here and never ask anybody. Checks write to it; this
 * room does not know them.
 */
@Injectable()
export class ReadinessState {
  private readonly byCheck = new Map<string, readonly HealthIssue[]>();
  private readonly listeners = new Set<() => void>();
  private resolveFirstResults: () => void = () => undefined;
  private readonly firstResults = new Promise<void>((resolve) => (this.resolveFirstResults = resolve));
  private hasFirstResults = false;

  /** In place of what the check found before; an empty list means that all is well. */
  report(check: string, issues: readonly HealthIssue[]): void {
    this.byCheck.set(check, issues);
    for (const listener of this.listeners) listener();
  }

  /** Every check has looked at the instance as it is when its start is through. */
  get isComplete(): boolean {
    return this.hasFirstResults;
  }

  complete(): void {
    this.hasFirstResults = true;
    this.resolveFirstResults();
    for (const listener of this.listeners) listener();
  }

  whenComplete(): Promise<void> {
    return this.firstResults;
  }

  subscribe(listener: () => void): void {
    this.listeners.add(listener);
  }

  has(effect: Effect): boolean {
    return this.all().some((issue) => issue.effect === effect);
  }

  /** Worst first, each once. */
  reasons(): readonly string[] {
    const all = this.all();
    const ordered = EFFECTS.flatMap((effect) => all.filter((issue) => issue.effect === effect));
    return [...new Set(ordered.map(({ reason }) => reason))];
  }

  private all(): readonly HealthIssue[] {
    return [...this.byCheck.values()].flat();
  }
}
