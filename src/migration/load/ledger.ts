/** How a post ended for its sender. */
export const OUTCOMES = [
  /** Sent, and no answer yet. */
  'pending',
  'acknowledged',
  /** Another answer than success. */
  'refused',
  'timeout',
  /** The connection ended before the answer. */
  'broken',
  /** No connection: no byte was sent. */
  'not-sent',
  /** Due while too many posts were in flight. */
  'skipped',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** The server can have taken the post although the sender has no success. */
const UNCERTAIN: ReadonlySet<Outcome> = new Set(['pending', 'timeout', 'broken', 'refused']);

export type StreamKind = 'position' | 'picture' | 'crash' | 'device position';

export const STORES = ['samserver', 'old'] as const;
export type StoreName = (typeof STORES)[number];

/** What a store holds of the entries of a stream. */
export interface StoreCounts {
  /** Acknowledged and stored once. */
  readonly once: number;
  /** Acknowledged and not stored. */
  readonly lost: number;
  /** Stored more than once, whatever the answer was. */
  readonly doubled: number;
  /** Not acknowledged, and stored. */
  readonly unknownStored: number;
  /** Sent, not acknowledged, and not stored. */
  readonly unknownMissing: number;
}

export type OutcomeCounts = Readonly<Record<Outcome, number>>;

/** Bits of an entry: 0–2 outcome, 3–4 copies in Samserver, 5–6 copies in the old store (3: three or more). */
const OUTCOME_MASK = 0b111;
const SHIFTS: Readonly<Record<StoreName, number>> = { samserver: 3, old: 5 };
const COPIES_MASK = 0b11;
const FIRST_CAPACITY = 256;

/** The ledger has no room for another entry. */
export class LedgerFullError extends Error {}

/** The entries of one sender and kind, numbered from 0: one byte each. */
export class LedgerStream {
  private entries = new Uint8Array(FIRST_CAPACITY);
  private count = 0;

  /**
   * @param source box code or call sign
   * @param part of a post with several stored parts: the camera, from 0
   */
  constructor(
    readonly kind: StreamKind,
    readonly source: string,
    readonly part: number,
    private readonly takeRoom: () => void,
  ) {}

  get size(): number {
    return this.count;
  }

  /** @returns its number @throws LedgerFullError */
  add(): number {
    this.takeRoom();
    if (this.count === this.entries.length) {
      const larger = new Uint8Array(2 * this.count);
      larger.set(this.entries);
      this.entries = larger;
    }
    return this.count++;
  }

  settle(n: number, outcome: Outcome): void {
    this.entries[n] = (this.entry(n) & ~OUTCOME_MASK) | OUTCOMES.indexOf(outcome);
  }

  outcome(n: number): Outcome {
    return OUTCOMES[this.entry(n) & OUTCOME_MASK] ?? 'pending';
  }

  /** Counts one copy in a store. A number that was not sent belongs to another run. */
  found(store: StoreName, n: number): void {
    if (n >= this.count) return;
    const shift = SHIFTS[store];
    const copies = Math.min((this.entry(n) >> shift) & COPIES_MASK, COPIES_MASK - 1) + 1;
    this.entries[n] = (this.entry(n) & ~(COPIES_MASK << shift)) | (copies << shift);
  }

  /** Before a store is read again. */
  forget(store: StoreName): void {
    for (let n = 0; n < this.count; n += 1) this.entries[n] = this.entry(n) & ~(COPIES_MASK << SHIFTS[store]);
  }

  copies(store: StoreName, n: number): number {
    return (this.entry(n) >> SHIFTS[store]) & COPIES_MASK;
  }

  outcomes(): OutcomeCounts {
    const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
    for (let n = 0; n < this.count; n += 1) counts[this.outcome(n)] += 1;
    return counts;
  }

  /** @param isExpected false: this entry cannot be in the store, for a known reason */
  inStore(store: StoreName, isExpected: (n: number) => boolean = () => true): StoreCounts {
    const counts = { once: 0, lost: 0, doubled: 0, unknownStored: 0, unknownMissing: 0 };
    for (let n = 0; n < this.count; n += 1) {
      const fate = this.fate(store, n);
      if (fate !== null && (fate !== 'lost' || isExpected(n))) counts[fate] += 1;
    }
    return counts;
  }

  /** Null: not sent, and not stored. */
  fate(store: StoreName, n: number): keyof StoreCounts | null {
    const copies = this.copies(store, n);
    const outcome = this.outcome(n);
    if (copies > 1) return 'doubled';
    if (outcome === 'acknowledged') return copies === 1 ? 'once' : 'lost';
    if (copies === 1) return 'unknownStored';
    return UNCERTAIN.has(outcome) ? 'unknownMissing' : null;
  }

  private entry(n: number): number {
    return this.entries[n] ?? 0;
  }
}

/** Everything that a run sent. Its memory is one byte an entry. */
export class Ledger {
  readonly streams: LedgerStream[] = [];
  private total = 0;

  constructor(private readonly maxEntries: number) {}

  stream(kind: StreamKind, source: string, part = 0): LedgerStream {
    const stream = new LedgerStream(kind, source, part, () => {
      if (this.total >= this.maxEntries) throw new LedgerFullError('the ledger is full');
      this.total += 1;
    });
    this.streams.push(stream);
    return stream;
  }
}

export function addCounts<T extends object>(a: T, b: T): T {
  const sums = Object.entries(a).map(([name, count]) => [
    name,
    (count as number) + ((b as Record<string, number>)[name] ?? 0),
  ]);
  return Object.fromEntries(sums) as T;
}
