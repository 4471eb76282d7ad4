/** Keeps the nearest of many items, so that they need not be sorted. */
export class NearestFew<T> {
  private readonly found: { readonly item: T; readonly distance: number }[] = [];

  /**
   * @param limit 1 or more
   * @param isBefore the order of items with the same distance
   */
  constructor(
    private readonly limit: number,
    private readonly isBefore: (one: T, other: T) => boolean,
  ) {}

  /** @param distance in any unit */
  add(item: T, distance: number): void {
    const { found, limit } = this;
    const last = found[limit - 1];
    if (last && !this.isNearer(item, distance, last)) return;
    if (last) found.pop();
    let low = 0;
    let high = found.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = found[middle];
      if (other && this.isNearer(item, distance, other)) high = middle;
      else low = middle + 1;
    }
    found.splice(low, 0, { item, distance });
  }

  /** Nearest first. */
  get items(): readonly T[] {
    return this.found.map(({ item }) => item);
  }

  private isNearer(
    item: T,
    distance: number,
    other: { readonly item: T; readonly distance: number },
  ): boolean {
    return distance < other.distance || (distance === other.distance && this.isBefore(item, other.item));
  }
}
