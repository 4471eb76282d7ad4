import { type ComparedItem, type Finding, otherSide, type Side, SIDES } from './compared-item.js';

/** How long an item waits for the other side, milliseconds: a match after the first of ten lag windows is `late`. */
export function horizonOf(lagMs: number): number {
  return 10 * lagMs;
}

export interface MatcherOptions {
  /** Largest difference of two arrivals of the same thing, milliseconds. */
  readonly lagMs: number;
  /** No two different things have the same key: a second item with a matched key is `doubled`. */
  readonly isUnique: boolean;
  readonly onFinding: (finding: Finding) => void;
  /** @param lagMs arrival at Samserver less arrival at the old server */
  readonly onMatch?: (old: ComparedItem, samserver: ComparedItem, lagMs: number) => void;
}

interface Waiting {
  readonly item: ComparedItem;
  isMatched: boolean;
}

/**
 * Compares two sequences of one box and kind as multisets within a window of time. Items may come in any order; the memory
 * holds those of the horizon only.
 */
export class WindowMatcher {
  readonly horizonMs: number;
  /** Unmatched items by key, in the order of their arrival here. */
  private readonly waiting: Readonly<Record<Side, Map<string, Waiting[]>>> = {
    old: new Map(),
    samserver: new Map(),
  };
  /** Matched keys, with the time of the match. */
  private readonly matched = new Map<string, number>();

  constructor(private readonly options: MatcherOptions) {
    this.horizonMs = horizonOf(options.lagMs);
  }

  /** Items without a counterpart. */
  get size(): number {
    return SIDES.reduce((sum, side) => sum + this.all(side).length, 0);
  }

  add(side: Side, item: ComparedItem): void {
    const counterpart = this.take(otherSide(side), item);
    if (!counterpart) return this.put(side, item);
    for (const key of [...item.keys, ...counterpart.keys]) this.matched.set(key, item.atMs);
    const [old, samserver] = side === 'old' ? [item, counterpart] : [counterpart, item];
    this.compare(old, samserver);
  }

  /**
   * Decides about items whose counterpart can no longer come.
   * @param isOver whether everything that arrived around this time has been added
   */
  settle(isOver: (atMs: number) => boolean): void {
    for (const side of SIDES)
      for (const waiting of this.all(side).filter(({ item }) => isOver(item.atMs))) {
        // A pair of an earlier round of this loop.
        if (waiting.isMatched) continue;
        this.remove(side, waiting);
        this.decide(side, waiting.item);
      }
    // Longer than the items: a repeated one can be on either side of the boundary.
    for (const [key, atMs] of this.matched)
      if (isOver(atMs - this.horizonMs) && isOver(atMs + this.horizonMs)) this.matched.delete(key);
  }

  /** Two items without a counterpart at the same time are one thing that differs. */
  private decide(side: Side, item: ComparedItem): void {
    const isRepeated = this.isRepeated(item);
    const other = otherSide(side);
    const counterpart = isRepeated ? undefined : this.nearest(other, item.atMs);
    if (counterpart) {
      counterpart.isMatched = true;
      this.remove(other, counterpart);
      const [old, samserver] = side === 'old' ? [item, counterpart.item] : [counterpart.item, item];
      return this.reportDifference(old, samserver, {
        key: { old: old.keys[0], samserver: samserver.keys[0] },
        ...differingFields(old, samserver),
      });
    }
    const { kind, box, atMs, keys } = item;
    const fields = Object.fromEntries(
      Object.entries({ key: keys[0], ...item.fields }).map(([name, value]) => [name, { [side]: value }]),
    );
    this.options.onFinding({
      ...{ kind, box, atMs, fields },
      ...(isRepeated
        ? { type: 'doubled', side, lagMs: this.sinceFirst(item) }
        : { type: 'missing', side: other }),
    });
  }

  private compare(old: ComparedItem, samserver: ComparedItem): void {
    const lagMs = samserver.atMs - old.atMs;
    this.options.onMatch?.(old, samserver, lagMs);
    if (Math.abs(lagMs) > this.options.lagMs)
      this.options.onFinding({
        ...{ kind: old.kind, box: old.box, atMs: Math.min(old.atMs, samserver.atMs), lagMs: Math.abs(lagMs) },
        type: 'late',
        side: lagMs > 0 ? 'samserver' : 'old',
        fields: { key: { old: old.keys[0], samserver: samserver.keys[0] } },
      });
    const fields = differingFields(old, samserver);
    if (Object.keys(fields).length > 0) this.reportDifference(old, samserver, fields);
  }

  private reportDifference(old: ComparedItem, samserver: ComparedItem, fields: Finding['fields']): void {
    const { kind, box } = old;
    const atMs = Math.min(old.atMs, samserver.atMs);
    this.options.onFinding({ kind, box, atMs, type: 'differs', side: 'samserver', fields });
  }

  /** The waiting item that arrived nearest to this time, within the lag window. */
  private nearest(side: Side, atMs: number): Waiting | undefined {
    const distance = ({ item }: Waiting): number => Math.abs(item.atMs - atMs);
    return this.all(side)
      .filter((each) => distance(each) <= this.options.lagMs && !this.isRepeated(each.item))
      .sort((a, b) => distance(a) - distance(b))[0];
  }

  private isRepeated(item: ComparedItem): boolean {
    return this.options.isUnique && item.keys.some((key) => this.matched.has(key));
  }

  private sinceFirst({ keys, atMs }: ComparedItem): number {
    return Math.min(...keys.map((key) => Math.abs(atMs - (this.matched.get(key) ?? -Infinity))));
  }

  /** The waiting item with a common key that is nearest in time, within the horizon. */
  private take(side: Side, { keys, atMs }: ComparedItem): ComparedItem | null {
    let nearest: Waiting | null = null;
    for (const key of keys)
      for (const each of this.waiting[side].get(key) ?? []) {
        if (each.isMatched || Math.abs(each.item.atMs - atMs) > this.horizonMs) continue;
        if (!nearest || Math.abs(each.item.atMs - atMs) < Math.abs(nearest.item.atMs - atMs)) nearest = each;
      }
    if (!nearest) return null;
    nearest.isMatched = true;
    this.remove(side, nearest);
    return nearest.item;
  }

  private put(side: Side, item: ComparedItem): void {
    const waiting = { item, isMatched: false };
    for (const key of item.keys) {
      const list = this.waiting[side].get(key);
      if (list) list.push(waiting);
      else this.waiting[side].set(key, [waiting]);
    }
  }

  private remove(side: Side, waiting: Waiting): void {
    for (const key of waiting.item.keys) {
      const rest = (this.waiting[side].get(key) ?? []).filter((each) => each !== waiting);
      if (rest.length > 0) this.waiting[side].set(key, rest);
      else this.waiting[side].delete(key);
    }
  }

  private all(side: Side): Waiting[] {
    return [...new Set([...this.waiting[side].values()].flat())];
  }
}

/** Compared as JSON: a field that one side does not have differs. */
function differingFields(old: ComparedItem, samserver: ComparedItem): Finding['fields'] {
  const names = new Set([...Object.keys(old.fields), ...Object.keys(samserver.fields)]);
  const differing = [...names].filter(
    (name) => JSON.stringify(old.fields[name]) !== JSON.stringify(samserver.fields[name]),
  );
  return Object.fromEntries(
    differing.map((name) => [name, { old: old.fields[name], samserver: samserver.fields[name] }]),
  );
}
