import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ipNetwork, type LimitedCaller } from '../../core/index.js';
import { CallContext } from './call-context.js';

/** About 1 MB. */
const MAX_NETWORKS = 10_000;
/** A dispatcher's client refreshes its tokens every 15 minutes, so this covers the time between two shifts. */
const KNOWN_MS = 24 * 3_600_000;

/**
 * The rank of the current caller in the queue of password checks. A network is known for a day after a log-in or a refresh,
 * and suspect for `LOGIN_FAILURE_WINDOW_S` after a wrong guess. Guesses from many networks therefore do not delay log-ins
 * from a network in use, and delay the first one from a new network little. In memory, per instance; above 10,000 networks
 * the one used least recently is unknown again.
 */
@Injectable()
export class CallerRanks {
  private readonly known = new LRUCache<string, true>({ max: MAX_NETWORKS, ttl: KNOWN_MS });
  private readonly suspect: LRUCache<string, true>;

  constructor(
    @Inject(SETTINGS) { auth }: Pick<Settings, 'auth'>,
    private readonly context: CallContext,
  ) {
    this.suspect = new LRUCache({ max: MAX_NETWORKS, ttl: auth.failureWindowS * 1_000 });
  }

  /** Authenticated callers and the service itself are known. */
  get current(): LimitedCaller {
    const call = this.context.current;
    const key = ipNetwork(call?.ip ?? '');
    if (!call || call.caller || this.known.has(key)) return { key, rank: 'known' };
    return { key, rank: this.suspect.has(key) ? 'suspect' : 'unknown' };
  }

  /** The secret that the current caller gave was right. */
  recordRight(): void {
    this.known.set(this.current.key, true);
  }

  /** The secret that the current caller gave was wrong. */
  recordWrong(): void {
    this.suspect.set(this.current.key, true);
  }
}
