import type { RedisStore, redisInsStore } from 'cache-manager-redis-yet';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { type Redis, type RedisClient, RedisScript } from '../cluster/index.js';
import type { CachedReads, CountRead } from './cached-reads.js';

/** A load that takes longer is not kept. */
const LEASE_MS = 2_000;
/** Deletions that wait for Redis. Beyond it the oldest is given up: the lifetime of the entry bounds its age. */
const MAX_WAITING_DELETIONS = 10_000;

/** Replaces a lease by the value that was loaded under it; does nothing when the lease is gone. */
const KEEP_SCRIPT = new RedisScript(`
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return 1`);

/**
 * An entry in Redis: a value, or the lease of the reader that loads it. `forget` deletes both, so a value that was loaded
 * before a change finds its lease gone and is not kept.
 */
interface Entry {
  readonly value?: unknown;
  readonly lease?: string;
}

interface SharedReadsOptions<T> {
  readonly ttlMs: number;
  readonly toJson: (value: T) => unknown;
  readonly fromJson: (json: never) => T;
  /** The key in Redis. */
  readonly keyOf: (key: string) => string;
  readonly count: CountRead;
}

/** Values in Redis, for all instances. While Redis does not answer, every read is a load. */
export class SharedReads<T> implements CachedReads<T> {
  /** Loads under way by lease. As long as the lease is there, nothing was forgotten since the load began. */
  private readonly loads = new Map<string, Promise<T | null>>();
  /** Keys that Redis has not confirmed as deleted; the value names the deletion. */
  private readonly deletions = new Map<string, { readonly sinceMs: number }>();
  private store: RedisStore | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly options: SharedReadsOptions<T>,
  ) {}

  async get<R extends T | null>(key: string, load: () => Promise<R>): Promise<R> {
    const { count, fromJson, keyOf } = this.options;
    const fullKey = keyOf(key);
    const found = await this.find(fullKey);
    if (found === null) {
      count('bypass');
      return load();
    }
    const { entry, isOwnLease } = found;
    if (entry.value !== undefined) {
      count('hit');
      return fromJson(entry.value as never) as R;
    }
    const lease = entry.lease ?? '';
    const underWay = this.loads.get(lease) as Promise<R> | undefined;
    count(underWay ? 'hit' : 'miss');
    if (underWay) return underWay;
    const loading = load();
    this.loads.set(lease, loading);
    void this.keep(fullKey, lease, loading, isOwnLease);
    return loading;
  }

  async forget(key: string): Promise<void> {
    const fullKey = this.options.keyOf(key);
    const deletion = { sinceMs: performance.now() };
    // Set before the attempt: until it is confirmed, reads of this instance go past the cache.
    this.deletions.delete(fullKey);
    this.deletions.set(fullKey, deletion);
    if (this.deletions.size > MAX_WAITING_DELETIONS)
      this.deletions.delete(this.deletions.keys().next().value ?? '');
    await this.deleteNow([[fullKey, deletion]]);
  }

  /** Repeats the deletions that failed. Never rejects. */
  async retryDeletions(): Promise<void> {
    const expiredMs = performance.now() - this.options.ttlMs;
    for (const [key, { sinceMs }] of this.deletions) if (sinceMs < expiredMs) this.deletions.delete(key);
    if (this.deletions.size > 0) await this.deleteNow([...this.deletions]);
  }

  private async deleteNow(deletions: readonly (readonly [key: string, deletion: object])[]): Promise<void> {
    if (!this.redis.isUp) return;
    const keys = deletions.map(([key]) => key);
    try {
      await this.redis.run((client) => this.storeOf(client).mdel(...keys));
    } catch {
      return;
    }
    for (const [key, deletion] of deletions)
      if (this.deletions.get(key) === deletion) this.deletions.delete(key);
  }

  /** @returns null when the entry must not be used or Redis does not answer */
  private async find(key: string): Promise<{ entry: Entry; isOwnLease: boolean } | null> {
    if (!this.redis.isUp || this.deletions.has(key)) return null;
    try {
      return await this.redis.run((client) => this.findOrLease(client, key));
    } catch {
      return null;
    }
  }

  private async findOrLease(
    client: RedisClient,
    key: string,
  ): Promise<{ entry: Entry; isOwnLease: boolean } | null> {
    const store = this.storeOf(client);
    const found = await store.get<Entry>(key);
    if (found) return { entry: found, isOwnLease: false };
    const entry = { lease: randomUUID() };
    if (await client.set(key, JSON.stringify(entry), { NX: true, PX: LEASE_MS }))
      return { entry, isOwnLease: true };
    // Another reader was first.
    const other = await store.get<Entry>(key);
    return other ? { entry: other, isOwnLease: false } : null;
  }

  /** Never rejects. */
  private async keep(
    key: string,
    lease: string,
    loading: Promise<T | null>,
    isOwnLease: boolean,
  ): Promise<void> {
    try {
      const value = await loading;
      if (value === null || !isOwnLease) return;
      const { toJson, ttlMs } = this.options;
      const texts = [JSON.stringify({ lease }), JSON.stringify({ value: toJson(value) }), String(ttlMs)];
      await this.redis.run((client) => KEEP_SCRIPT.run(client, { keys: [key], arguments: texts }));
    } catch {
      // The reader gets the failure of the load. A value that is not kept is loaded again.
    } finally {
      this.loads.delete(lease);
    }
  }

  private storeOf(client: RedisClient): RedisStore {
    if ((this.store?.client as unknown) === client) return this.store as RedisStore;
    // Loaded here, because it loads Redis.
    const library = createRequire(import.meta.url)('cache-manager-redis-yet') as {
      redisInsStore: typeof redisInsStore;
    };
    return (this.store = library.redisInsStore(client as never));
  }
}
