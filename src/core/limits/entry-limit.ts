interface EntryLimit {
  readonly max: 0;
  readonly maxSize: number;
  readonly sizeCalculation: () => number;
}

/**
 * Options of an `LRUCache` that keeps at most `count` entries. Its option `max` would reserve memory for all of them at once:
 * 0.3 MB for 10,000.
 */
export function entryLimit(count: number): EntryLimit {
  return { max: 0, maxSize: count, sizeCalculation: () => 1 };
}
