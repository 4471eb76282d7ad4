import { Injectable } from '@nestjs/common';

/** What a finding does to the instance, worst first. */
export const EFFECTS = ['blocked', 'not_ready', 'degraded'] as const;
export type Effect = (typeof EFFECTS)[number];

/** Something that is not as it should be: `reason` is a code as in `mongo.down`, the same in `/ready`, logs and metrics. */
export interface Finding {
  readonly effect: Effect;
  readonly reason: string;
}

/**
 * What the checks have found, in memory: probes and doors read here and never ask anybody. Checks write to it; this
 * room does not know them.
 */
@Injectable()
export class ReadinessBoard {
  private readonly byCheck = new Map<string, readonly Finding[]>();
  private readonly listeners = new Set<() => void>();
  private resolveFirstLook: () => void = () => undefined;
  private readonly firstLook = new Promise<void>((resolve) => (this.resolveFirstLook = resolve));
  private isLookedAt = false;

  /** In place of what the check found before; an empty list means that all is well. */
  report(check: string, findings: readonly Finding[]): void {
    this.byCheck.set(check, findings);
    for (const listener of this.listeners) listener();
  }

  /** Every check has looked at the instance as it is when its start is through. */
  get isComplete(): boolean {
    return this.isLookedAt;
  }

  complete(): void {
    this.isLookedAt = true;
    this.resolveFirstLook();
    for (const listener of this.listeners) listener();
  }

  whenComplete(): Promise<void> {
    return this.firstLook;
  }

  subscribe(listener: () => void): void {
    this.listeners.add(listener);
  }

  has(effect: Effect): boolean {
    return this.all().some((finding) => finding.effect === effect);
  }

  /** Worst first, each once. */
  reasons(): readonly string[] {
    const all = this.all();
    const ordered = EFFECTS.flatMap((effect) => all.filter((finding) => finding.effect === effect));
    return [...new Set(ordered.map(({ reason }) => reason))];
  }

  private all(): readonly Finding[] {
    return [...this.byCheck.values()].flat();
  }
}
