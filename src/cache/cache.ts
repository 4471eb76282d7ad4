import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventStream, Redis } from '../cluster/index.js';
import { BackgroundJobs, EventBus, Metrics } from '../core/index.js';
import { type CachedReads, type CountRead, OUTCOMES } from './cached-reads.js';
import { MemoryReads, type SizeLimit } from './memory-reads.js';
import { SharedReads } from './shared-reads.js';

const DEFAULT_MAX_ENTRIES = 10_000;
const UPKEEP_INTERVAL_MS = 1_000;

interface CacheOptions<T> {
  /**
   * Part of the key in Redis, and a label of the metrics. Instances of two releases share the entries: a value of another
   * shape needs another name.
   */
  readonly name: string;
  /** Lifetime of an entry, milliseconds. It bounds the age of a value whose change was not noticed. */
  readonly ttlMs: number;
  /**
   * `shared`: in Redis; without Redis in memory. `process`: in memory only, for secrets and access rights. Memory is used
   * only while the changes of every instance arrive here (`EventStream.receivesFromAll`), and the owner calls `forget`,
   * `revise` or `clear` on the shared event of a change.
   */
  readonly tier: 'shared' | 'process';
  /** Bound of the entries in memory. Beyond it the one used least recently is dropped. Default 10,000. */
  readonly maxEntries?: number;
  /** Of the tier `process`, in place of `maxEntries`: bound of the bytes in memory. */
  readonly size?: SizeLimit<T>;
  readonly toJson?: (value: T) => unknown;
  /** Without it, the JSON value is the value: no `Date` and no `Map` in it. */
  readonly fromJson?: (json: never) => T;
}

/**
 * Caches reads of storage that are frequent and change rarely. A cache is an addition: when it is slow, down or not current,
 * reads go to the database.
 */
@Injectable()
export class Cache implements OnApplicationBootstrap {
  private readonly memories: Pick<MemoryReads<never>, 'clear' | 'clearUnlessCurrent'>[] = [];
  private readonly shared: SharedReads<never>[] = [];
  private readonly reads;

  constructor(
    private readonly redis: Redis,
    private readonly stream: EventStream,
    private readonly jobs: BackgroundJobs,
    events: EventBus,
    metrics: Metrics,
  ) {
    this.reads = metrics.counter({
      name: 'samserver_cache_reads_total',
      help: 'Reads through a cache: answered from it or by a load under way (hit), by a load from the database (miss), or past the cache while it is not usable (bypass).',
      labelNames: ['cache', 'outcome'],
    });
    events.subscribe('cluster.events-missed', () => this.memories.forEach((each) => each.clear()));
  }

  /** Called once for each name. */
  define<T>(options: CacheOptions<T> & { readonly tier: 'process' }): MemoryReads<T>;
  define<T>(options: CacheOptions<T>): CachedReads<T>;
  define<T>(options: CacheOptions<T>): CachedReads<T> {
    const { name, ttlMs, tier, maxEntries = DEFAULT_MAX_ENTRIES, size } = options;
    const count = this.counterOf(name);
    if (tier === 'shared' && this.redis.isConfigured) {
      const { toJson = itself, fromJson = itself } = options;
      const keyOf = (key: string): string => this.redis.key('cache', name, key);
      const reads = new SharedReads<T>(this.redis, { ttlMs, toJson, fromJson, keyOf, count });
      this.shared.push(reads as never);
      return reads;
    }
    const isCurrent = (): boolean => this.stream.receivesFromAll;
    const reads = new MemoryReads<T>({ ttlMs, maxEntries, size, isCurrent, count });
    this.memories.push(reads);
    return reads;
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'cache-upkeep',
      intervalMs: UPKEEP_INTERVAL_MS,
      run: async () => {
        // Otherwise an entry could outlive a time without reads in which changes did not arrive.
        for (const each of this.memories) each.clearUnlessCurrent();
        for (const each of this.shared) await each.retryDeletions();
      },
    });
  }

  private counterOf(cache: string): CountRead {
    const counters = Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, this.reads.labels({ cache, outcome })]),
    );
    return (outcome) => counters[outcome]?.inc();
  }
}

function itself(value: unknown): never {
  return value as never;
}
