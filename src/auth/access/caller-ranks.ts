import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { SETTINGS, type Settings } from '../../config/index.js';
import { entryLimit, ipNetwork, type LimitedCaller } from '../../core/index.js';
import { type Call, CallContext } from './call-context.js';

/** About 2 MB. */
const MAX_ENTRIES = 10_000;
/** A dispatcher's client refreshes its tokens every 15 minutes, so this covers the time between two shifts. */
const KNOWN_MS = 24 * 3_600_000;

/**
 * The rank of the current caller in the queue of password checks. A network is known for a day after a log-in or a refresh,
 * and suspect for `LOGIN_FAILURE_WINDOW_S` after a wrong guess. A network that is not known is suspect as well while it tries
 * an account that was guessed wrongly, from anywhere. Guesses from many networks therefore do not delay log-ins from a network
 * in use, nor the first log-in from a new one unless its own account is guessed. The rank never depends on whether the account
 * exists. In memory, per instance, because the queue that it orders is that of one instance: a network that is known elsewhere
 * only waits longer here once. Above 10,000 entries the one used least recently is dropped.
 */
@Injectable()
export class CallerRanks {
  private readonly known = new LRUCache<string, true>({ ...entryLimit(MAX_ENTRIES), ttl: KNOWN_MS });
  private readonly suspectNetworks: LRUCache<string, true>;
  private readonly suspectAccounts: LRUCache<string, true>;
  /** The account that a request tries. */
  private readonly accounts = new WeakMap<Call, string>();

  constructor(
    @Inject(SETTINGS) { auth }: Pick<Settings, 'auth'>,
    private readonly context: CallContext,
  ) {
    const options = { ...entryLimit(MAX_ENTRIES), ttl: auth.failureWindowS * 1_000 };
    this.suspectNetworks = new LRUCache(options);
    this.suspectAccounts = new LRUCache(options);
  }

  /** Authenticated callers and the service itself are known. */
  get current(): LimitedCaller {
    const call = this.context.current;
    const key = ipNetwork(call?.ip ?? '');
    if (!call || call.caller || this.known.has(key)) return { key, rank: 'known' };
    const isSuspect =
      this.suspectNetworks.has(key) || this.suspectAccounts.has(this.accounts.get(call) ?? '');
    return { key, rank: isSuspect ? 'suspect' : 'unknown' };
  }

  /** @param account that the current request tries: e-mail address, session id or user id */
  setAccount(account: string): void {
    const call = this.context.current;
    if (call) this.accounts.set(call, account);
  }

  /** The secret that the current caller gave was right. */
  recordRight(): void {
    this.known.set(this.current.key, true);
  }

  /** The secret that the current caller gave was wrong. */
  recordWrong(): void {
    this.suspectNetworks.set(this.current.key, true);
    const call = this.context.current;
    const account = call && this.accounts.get(call);
    if (account) this.suspectAccounts.set(account, true);
  }
}
