import { memoryStore } from 'cache-manager';
import { entryLimit } from '../core/index.js';
import type { CachedReads, CountRead } from './cached-reads.js';

interface MemoryReadsOptions {
  readonly ttlMs: number;
  readonly maxEntries: number;
  /** Whether every change of another instance arrives here. While it does not, nothing is answered from memory. */
  readonly isCurrent: () => boolean;
  readonly count: CountRead;
}

/** Values in the memory of this process. Concurrent reads of a key share one load. */
export class MemoryReads<T> implements CachedReads<T> {
  private readonly store;
  private readonly loads = new Map<string, Promise<T | null>>();

  constructor(private readonly options: MemoryReadsOptions) {
    const { ttlMs, maxEntries } = options;
    // Values are read-only, and a timer for each entry would cost more than the entry.
    this.store = memoryStore({
      ...entryLimit(maxEntries),
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
    const answer = found ?? (this.loads.get(key) as Promise<R> | undefined);
    count(answer === undefined ? 'miss' : 'hit');
    return answer ?? this.load(key, load);
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
    const loading = load();
    this.loads.set(key, loading);
    try {
      const value = await loading;
      const isForgotten = this.loads.get(key) !== loading;
      if (value !== null && !isForgotten && this.options.isCurrent()) await this.store.set(key, value);
      return value;
    } finally {
      if (this.loads.get(key) === loading) this.loads.delete(key);
    }
  }
}
