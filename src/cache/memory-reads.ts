import { memoryStore } from 'cache-manager';
import { entryLimit } from '../core/index.js';
import type { CachedReads, CountRead } from './cached-reads.js';

/** Bound of the memory of one kind of value. */
export interface SizeLimit<T> {
  readonly maxBytes: number;
  /** The size of a value when it is kept, bytes. */
  readonly bytesOf: (value: T) => number;
}

interface MemoryReadsOptions<T> {
  readonly ttlMs: number;
  readonly maxEntries: number;
  /** In place of `maxEntries`. */
  readonly size?: SizeLimit<T>;
  /** Whether every change of another instance arrives here. While it does not, nothing is answered from memory. */
  readonly isCurrent: () => boolean;
  readonly count: CountRead;
}

/** Changes a value in place. @returns false when the value must be loaded again */
type Revision<T> = (value: T) => boolean;

interface Load<T> {
  readonly value: Promise<T | null>;
  /** The changes since the load began; its value may have them or not. */
  readonly revisions: Revision<T>[];
  /** The value lacks a change: only reads that began before that change may get it. */
  isOutdated: boolean;
}

/** Values in the memory of this process. Concurrent reads of a key share one load. */
export class MemoryReads<T> implements CachedReads<T> {
  private readonly store;
  private readonly loads = new Map<string, Load<T>>();

  constructor(private readonly options: MemoryReadsOptions<T>) {
    const { ttlMs, maxEntries, size } = options;
    // Values are not copied, and a timer for each entry would cost more than the entry.
    this.store = memoryStore({
      ...(size ? byteLimit(size) : entryLimit(maxEntries)),
      ttl: ttlMs,
      ttlAutopurge: false,
      shouldCloneBeforeSet: false,
    });
  }

  async get<R extends T | null>(key: string, load: () => Promise<R>): Promise<R> {
    const { isCurrent, count } = this.options;
    if (!isCurrent()) {
      this.clear();
      count('bypass');
      return load();
    }
    const found = await this.store.get<R>(key);
    const underWay = found === undefined ? this.loads.get(key) : undefined;
    count(found === undefined && !underWay ? 'miss' : 'hit');
    if (found !== undefined) return found;
    if (!underWay) return this.load(key, load);
    const value = (await underWay.value) as R;
    return underWay.isOutdated ? load() : value;
  }

  /**
   * Call it when something has changed that is a part of several values: it revises all of them, and those of the loads under
   * way when they are loaded.
   */
  revise(revision: Revision<T>): void {
    for (const [key, { value }] of this.store.dump()) if (!revision(value as T)) void this.store.del(key);
    for (const { revisions } of this.loads.values()) revisions.push(revision);
  }

  async forget(key: string): Promise<void> {
    this.loads.delete(key);
    await this.store.del(key);
  }

  /** Also discards the loads under way. */
  clear(): void {
    this.loads.clear();
    if (this.store.size > 0) void this.store.reset();
  }

  clearUnlessCurrent(): void {
    if (!this.options.isCurrent()) this.clear();
  }

  private async load<R extends T | null>(key: string, load: () => Promise<R>): Promise<R> {
    const value = load();
    const underWay: Load<T> = { value, revisions: [], isOutdated: false };
    this.loads.set(key, underWay);
    try {
      const loaded = await value;
      const isForgotten = this.loads.get(key) !== underWay;
      if (loaded === null || isForgotten) return loaded;
      underWay.isOutdated = !underWay.revisions.every((revision) => revision(loaded));
      if (!underWay.isOutdated && this.options.isCurrent()) await this.store.set(key, loaded);
      return loaded;
    } finally {
      if (this.loads.get(key) === underWay) this.loads.delete(key);
    }
  }
}

function byteLimit<T>({ maxBytes, bytesOf }: SizeLimit<T>) {
  return { max: 0, maxSize: maxBytes, sizeCalculation: (value: unknown) => bytesOf(value as T) };
}
