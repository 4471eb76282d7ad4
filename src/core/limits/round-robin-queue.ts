/** One queue for each key; `take` serves the keys in turn. Holds a key only while it has items. */
export class RoundRobinQueue<T> {
  /** In the order in which the keys are served next. */
  private readonly itemsByKey = new Map<string, T[]>();
  private count = 0;

  /** Items of all keys. */
  get size(): number {
    return this.count;
  }

  add(key: string, item: T): void {
    this.count += 1;
    const items = this.itemsByKey.get(key);
    if (items) items.push(item);
    else this.itemsByKey.set(key, [item]);
  }

  /** Takes the oldest item of the key that is next; null when the queue is empty. */
  take(): T | null {
    for (const [key, items] of this.itemsByKey) {
      const [item, ...rest] = items as [T, ...T[]];
      this.count -= 1;
      this.itemsByKey.delete(key);
      if (rest.length > 0) this.itemsByKey.set(key, rest);
      return item;
    }
    return null;
  }

  /** Takes the newest item of the key with most items; null when `newcomer` would then have as many as that key. */
  takeNewestOfLongest(newcomer: string): T | null {
    let longest: T[] = [];
    for (const items of this.itemsByKey.values()) if (items.length > longest.length) longest = items;
    const ofNewcomer = this.itemsByKey.get(newcomer)?.length ?? 0;
    if (ofNewcomer + 1 >= longest.length) return null;
    this.count -= 1;
    return longest.pop() ?? null;
  }
}
