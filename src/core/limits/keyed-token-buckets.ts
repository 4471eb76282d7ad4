import { LRUCache } from 'lru-cache';
import { entryLimit } from './entry-limit.js';
import { TokenBucket } from './token-bucket.js';

/** About 2 MB. */
const MAX_KEYS = 10_000;

/**
 * One token bucket for each key, such as a client's network or a box code. Memory is bounded: with more than 10,000 keys
 * the bucket used least recently is dropped, and its key starts again with a full one.
 */
export class KeyedTokenBuckets {
  private readonly buckets: LRUCache<string, TokenBucket>;

  /**
   * @param capacity tokens that a burst of one key can take
   * @param perSecond tokens that one key gets back each second
   */
  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
    maxKeys = MAX_KEYS,
  ) {
    this.buckets = new LRUCache(entryLimit(maxKeys));
  }

  /**
   * Takes `count` tokens of a key, or none.
   * @param nowMs epoch milliseconds
   * @returns 0 when the tokens were taken; otherwise the time until they can be, milliseconds
   */
  take(key: string, nowMs: number, count = 1): number {
    const bucket = this.bucketOf(key, nowMs);
    return bucket.take(nowMs, count) ? 0 : Math.max(1, bucket.waitMs(count));
  }

  /** Takes `count` tokens of a key, whether it has them or not. @returns tokens that are left; negative: owed */
  charge(key: string, nowMs: number, count: number): number {
    const bucket = this.bucketOf(key, nowMs);
    bucket.charge(nowMs, count);
    return bucket.left;
  }

  /** Leaves a key at most `tokens`, which may be negative. */
  lowerTo(key: string, nowMs: number, tokens: number): void {
    this.bucketOf(key, nowMs).lowerTo(nowMs, tokens);
  }

  private bucketOf(key: string, nowMs: number): TokenBucket {
    let bucket = this.buckets.get(key);
    if (!bucket) {
      bucket = new TokenBucket(this.capacity, this.perSecond, nowMs);
      this.buckets.set(key, bucket);
    }
    return bucket;
  }
}
