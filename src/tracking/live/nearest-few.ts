/** Keeps the nearest of many items, so that they need not be sorted. Of equal distances the first one added is nearer. */
export class NearestFew<T> {
  private readonly found: { readonly item: T; readonly distance: number }[] = [];

  /** @param limit 1 or more */
  constructor(private readonly limit: number) {}

  /** @param distance in any unit */
  add(item: T, distance: number): void {
    const { found, limit } = this;
    if (found.length === limit) {
      if (distance >= (found[limit - 1]?.distance ?? Infinity)) return;
      found.pop();
    }
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((found[middle]?.distance ?? 0) <= distance) low = middle + 1;
      else high = middle;
    }
    found.splice(low, 0, { item, distance });
  }

  /** Nearest first. */
  get items(): readonly T[] {
    return this.found.map(({ item }) => item);
  }
}
