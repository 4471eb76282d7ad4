import type { Finding } from '../release/index.js';

interface Count {
  readonly finding: Finding;
  hits: number;
  misses: number;
  counts: boolean;
}

/** Keeps a thing that was found once from counting, and one that is away once from being over. */
export class Damper {
  private readonly byReason = new Map<string, Count>();

  constructor(
    private readonly failures: number,
    private readonly passes: number,
  ) {}

  /** @returns what counts after this look */
  take(found: readonly Finding[]): readonly Finding[] {
    for (const finding of found) {
      const known = this.byReason.get(finding.reason);
      if (!known || known.finding.effect !== finding.effect)
        this.byReason.set(finding.reason, { finding, hits: 0, misses: 0, counts: known?.counts ?? false });
    }
    for (const [reason, count] of this.byReason) {
      if (found.some((finding) => finding.reason === reason)) {
        count.hits += 1;
        count.misses = 0;
        if (count.hits >= this.failures) count.counts = true;
      } else {
        count.misses += 1;
        count.hits = 0;
        if (!count.counts || count.misses >= this.passes) this.byReason.delete(reason);
      }
    }
    return this.counted;
  }

  get counted(): readonly Finding[] {
    return [...this.byReason.values()].filter(({ counts }) => counts).map(({ finding }) => finding);
  }
}
