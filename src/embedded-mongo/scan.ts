import type { Document } from 'bson';
import { decode } from './bson-values.js';
import type { Filter } from './filter.js';
import type { Plan } from './planner.js';
import type { KeyRange, Store } from './store.js';

/** What the server has looked at since it started; tests prove with it that a query does not walk its collection. */
export interface ScanStats {
  keysExamined: number;
  documentsExamined: number;
}

export interface Match {
  /** Key in the documents' table. */
  key: Buffer;
  raw: Buffer;
  document: Document;
}

/**
 * A walk along a plan that can stop after any match and go on later from the last key: nothing is held open in between,
 * so a slow reader pins no old pages, and a write in between is seen or not as with MongoDB's own yields.
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

  /** To be consumed within one turn of the event loop. Ends early, not done, after looking at `maxKeys` keys. */
  *run(maxKeys = Infinity): Generator<Match> {
    let looked = 0;
    for (; !this.isDone; this.rangeAt++, this.lastKey = undefined) {
      // A range counts even when it is empty: a list of 10,000 ids is as many.
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
    const document = decode(raw);
    return this.filter.matches(document) ? { key: isPrimary ? key : value, raw, document } : undefined;
  }

  private remaining(): KeyRange {
    const { start, end } = this.plan.ranges[this.rangeAt] as KeyRange;
    if (!this.lastKey) return { start, end };
    return this.plan.isReverse
      ? { start, end: this.lastKey }
      : { start: Buffer.concat([this.lastKey, Buffer.of(0)]), end };
  }
}
