import type { HealthIssue } from '../deployment/index.js';

interface Count {
  readonly issue: HealthIssue;
  hits: number;
  misses: number;
  counts: boolean;
}

/** Keeps a thing that was found once from counting, and one that is away once from being over. */
export class Debouncer {
  private readonly byReason = new Map<string, Count>();

  constructor(
    private readonly failures: number,
    private readonly passes: number,
  ) {}

  /** @returns what counts after this look */
  record(found: readonly HealthIssue[]): readonly HealthIssue[] {
    for (const issue of found) {
      const known = this.byReason.get(issue.reason);
      if (!known || known.issue.effect !== issue.effect)
        this.byReason.set(issue.reason, { issue, hits: 0, misses: 0, counts: known?.counts ?? false });
    }
    for (const [reason, count] of this.byReason) {
      if (found.some((issue) => issue.reason === reason)) {
        count.hits += 1;
        count.misses = 0;
        if (count.hits >= this.failures) count.counts = true;
      } else {
        count.misses += 1;
        count.hits = 0;
        if (!count.counts || count.misses >= this.passes) this.byReason.delete(reason);
      }
    }
    return this.confirmedIssues;
  }

  get confirmedIssues(): readonly HealthIssue[] {
    return [...this.byReason.values()].filter(({ counts }) => counts).map(({ issue }) => issue);
  }
}
