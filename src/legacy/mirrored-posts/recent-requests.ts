import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock, entryLimit } from '../../core/index.js';
import type { LegacyPostKind } from '../legacy-metrics.js';

/** nginx sends the copies of one post within its time-outs of a few seconds. */
const REMEMBERED_MS = 60_000;
/** About 6 MB. 100 boxes send 15,000 posts in this time; the rates of each box are limited (`PostLimits`). */
const MAX_REMEMBERED = 20_000;

interface Remembered<T> {
  readonly arrival: T;
  readonly atMs: number;
}

/**
 * Gives the second copy of a post what the first one got: its times and ids, so that storage keeps both as one record. nginx
 * sends two copies when it has mirrored a post and the old server has refused it. In the memory of this instance: the copies
 * of one post that reach two instances are two records.
 */
@Injectable()
export class RecentRequests {
  private readonly arrivals = new LRUCache<string, Remembered<unknown>>(entryLimit(MAX_REMEMBERED));

  constructor(private readonly clock: Clock) {}

  /**
   * @param requestId null: the post has no copy
   * @param arrive gives times and ids to a post that has none yet
   */
  arrivalOf<T>(kind: LegacyPostKind, vehicleId: string, requestId: string | null, arrive: () => T): T {
    if (requestId === null) return arrive();
    const key = `${kind} ${vehicleId} ${requestId}`;
    const nowMs = this.clock.nowMs();
    const known = this.arrivals.get(key) as Remembered<T> | undefined;
    if (known && Math.abs(nowMs - known.atMs) < REMEMBERED_MS) return known.arrival;
    const arrival = arrive();
    this.arrivals.set(key, { arrival, atMs: nowMs });
    return arrival;
  }
}
