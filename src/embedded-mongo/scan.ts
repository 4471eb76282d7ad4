import type { Filter } from './filter.js';
import type { Plan } from './planner.js';
import type { KeyRange, Store } from './store.js';
import { StoredDocument } from './stored-document.js';

/** Counts since the start of the server. Tests use them to prove that a query does not scan its collection. */
export interface ScanStats {
  keysExamined: number;
  documentsExamined: number;
}

export class Match extends StoredDocument {
  constructor(
    /** Key in the table of the documents. */
    readonly key: Buffer,
    raw: Buffer,
  ) {
    super(raw);
  }
}

/**
 * Reads along a plan. It can pause after each match and continue from the last key. During a pause no transaction is
 * open, so a slow reader keeps no old pages, and a write may or may not be visible afterwards, as in MongoDB.
 */
export class Scan {
  private rangeAt = 0;
  private lastKey: Buffer | undefined;

  constructor(
    private readonly store: Store,
    private readonly plan: Plan,
    private readonly filter: Filter,
    private readonly stats: ScanStats,
  ) {}

  get isDone(): boolean {
    return this.rangeAt === this.plan.ranges.length;
  }

  /** Consume it within one turn of the event loop. It ends after `maxKeys` keys; then `isDone` may be false. */
  *run(maxKeys = Infinity): Generator<Match> {
    let looked = 0;
    for (; !this.isDone; this.rangeAt++, this.lastKey = undefined) {
      // An empty range counts, too: an `$in` may have 10,000 of them.
      if (looked++ >= maxKeys) return;
      for (const { key, value } of this.store.range(this.remaining(), this.plan.isReverse)) {
        if (looked++ >= maxKeys) return;
        this.lastKey = key;
        this.stats.keysExamined++;
        const match = this.fetch(key, value);
        if (match) yield match;
      }
    }
  }

  private fetch(key: Buffer, value: Buffer): Match | undefined {
    const { isPrimary } = this.plan.index;
    const raw = isPrimary ? value : this.store.get(value);
    if (!raw) return undefined;
    this.stats.documentsExamined++;
    const match = new Match(isPrimary ? key : value, raw);
    return this.plan.isExact || this.filter.matches(match) ? match : undefined;
  }

  private remaining(): KeyRange {
    const { start, end } = this.plan.ranges[this.rangeAt] as KeyRange;
    if (!this.lastKey) return { start, end };
    return this.plan.isReverse
      ? { start, end: this.lastKey }
      : { start: Buffer.concat([this.lastKey, Buffer.of(0)]), end };
  }
}
