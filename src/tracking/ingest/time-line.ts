/** Things by their time: one for each, found by halving. A second one of the same time takes the first one's place. */
export class TimeLine<T extends { readonly timeMs: number }> {
  private readonly items: T[] = [];

  add(item: T): void {
    const index = this.firstFrom(item.timeMs);
    const isTaken = this.items[index]?.timeMs === item.timeMs;
    this.items.splice(index, isTaken ? 1 : 0, item);
  }

  remove(timeMs: number): void {
    const index = this.firstFrom(timeMs);
    if (this.items[index]?.timeMs === timeMs) this.items.splice(index, 1);
  }

  at(timeMs: number): T | null {
    const item = this.items[this.firstFrom(timeMs)];
    return item?.timeMs === timeMs ? item : null;
  }

  /** The newest that is older. */
  before(timeMs: number): T | null {
    return this.items[this.firstFrom(timeMs) - 1] ?? null;
  }

  /** The oldest that is newer. */
  after(timeMs: number): T | null {
    return this.items.slice(this.firstFrom(timeMs)).find((item) => item.timeMs > timeMs) ?? null;
  }

  /** Ascending, both ends left out. */
  between(afterMs: number, beforeMs: number): T[] {
    return this.items.filter((item) => item.timeMs > afterMs && item.timeMs < beforeMs);
  }

  private firstFrom(timeMs: number): number {
    let low = 0;
    let high = this.items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.items[middle]?.timeMs ?? Infinity) < timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
