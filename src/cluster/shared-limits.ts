import { Inject, Injectable } from '@nestjs/common';
import { createHmac, hkdfSync } from 'node:crypto';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
  type RateLimiterRes,
} from 'rate-limiter-flexible';
import { SETTINGS, type Settings } from '../config/index.js';
import { Redis, type RedisClient } from './redis.js';

/** How often something happened to a key within the window. */
export type CountedEvents = Pick<RateLimiterRes, 'consumedPoints' | 'remainingPoints' | 'msBeforeNext'>;

interface CountOptions {
  /** Of the counts, unique: part of their keys in Redis. */
  readonly name: string;
  /** Limit of one key in one window. The caller refuses what is over it. */
  readonly points: number;
  /** Length of the window, which begins with the first event of a key; whole seconds. */
  readonly durationS: number;
}

/** Makes counts that all instances have in common, and the keys under which limits are kept in Redis. */
@Injectable()
export class SharedLimits {
  private readonly secret: Buffer;

  constructor(
    private readonly redis: Redis,
    @Inject(SETTINGS) { auth }: Pick<Settings, 'auth'>,
  ) {
    this.secret = Buffer.from(hkdfSync('sha256', auth.jwtSecret, '', 'samserver limits', 32));
  }

  counts(options: CountOptions): SharedCounts {
    return new SharedCounts(this.redis, options);
  }

  /**
   * 256 bits in hexadecimal, the same on every instance with the same JWT_SECRET. Redis gets no text of a client and no
   * token; without the secret, no text can be found that has the same beginning as another one.
   */
  hashOf(text: string): string {
    return createHmac('sha256', this.secret).update(text).digest('hex');
  }

  /** The key in Redis of one limit, `samserver:limit:<name>:<key>`. */
  redisKey(name: string, key: string): string {
    return this.redis.key('limit', name, key);
  }
}

/**
 * Events of each key within a window, counted in Redis; in memory without Redis and while it does not answer. Both count
 * from their own zero: after an outage the counts of Redis continue. No call fails because of Redis or waits longer for it
 * than `Redis.run`.
 */
export class SharedCounts {
  private readonly memory: RateLimiterMemory;
  private inRedis: { readonly client: RedisClient; readonly limiter: RateLimiterRedis } | null = null;

  constructor(
    private readonly redis: Redis,
    private readonly options: CountOptions,
  ) {
    this.memory = new RateLimiterMemory({ points: options.points, duration: options.durationS });
  }

  /** @returns null when nothing was counted within the window */
  get(key: string): Promise<CountedEvents | null> {
    return this.use((limiter) => limiter.get(key));
  }

  /** Counts one event. */
  add(key: string): Promise<CountedEvents> {
    return this.use((limiter) => limiter.penalty(key));
  }

  delete(key: string): Promise<boolean> {
    return this.use((limiter) => limiter.delete(key));
  }

  private async use<T>(work: (limiter: RateLimiterAbstract) => Promise<T>): Promise<T> {
    if (!this.redis.isUp) return work(this.memory);
    try {
      return await this.redis.run((client) => work(this.limiterOf(client)));
    } catch {
      // `Redis` counts and logs the failure.
      return work(this.memory);
    }
  }

  /** `insuranceLimiter` is not used: it has no time limit, so a Redis that hangs would hang the request. */
  private limiterOf(client: RedisClient): RateLimiterRedis {
    // `Redis` replaces its client after an outage. A use of the old one would fail, and count as the next outage.
    if (this.inRedis?.client === client) return this.inRedis.limiter;
    const limiter = new RateLimiterRedis({
      storeClient: client,
      useRedisPackage: true,
      keyPrefix: this.redis.key('limit', this.options.name),
      points: this.options.points,
      duration: this.options.durationS,
    });
    this.inRedis = { client, limiter };
    return limiter;
  }
}
