import { Inject, Injectable } from '@nestjs/common';
import { EventStream, type SharedCounts, SharedLimits } from '../../cluster/index.js';
import { DomainError, ipNetwork } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { authBusy, tooManyAttempts } from '../auth.errors.js';
import { CallContext } from '../access/call-context.js';
import { CallerRanks } from '../access/caller-ranks.js';

/** Requests that carry a secret which can be guessed. */
type Attempt = 'login' | 'refresh' | 'password-change';

/** Errors that count as a wrong guess. A session that ended is not one. */
const WRONG_GUESSES = new Set(['auth/bad-credentials', 'auth/token-invalid', 'auth/current-password-wrong']);
const MIN_RETRY_AFTER_MS = 1_000;
/** Limit of waiting attempts of one account from one network: twice the number of clients in a control room. */
const MAX_QUEUE_LENGTH = 100;

/**
 * Slows down guessing. Two counts of wrong guesses expire after a while: of one network at one account, and of one
 * network at all accounts. No count belongs to an account alone: an attacker who knows a dispatcher's address could
 * lock that account. Successful attempts are not counted, so a control room behind one address can log in all at once.
 * Device tokens are not limited: 256 random bits cannot be guessed, and 10,000 devices reconnect together after an
 * outage.
 *
 * All instances have one count in Redis, so that each further instance does not allow as many guesses again. Without Redis,
 * and while it does not answer, the counts are in memory, per instance. They are not in the database, where they would fail
 * right after an outage, when all users log in again.
 */
@Injectable()
export class AttemptLimiter {
  private readonly perAccountAndNetwork: SharedCounts;
  private readonly perNetwork: SharedCounts;
  /**
   * Attempts in progress count as wrong guesses until they end: otherwise many attempts sent at once would pass the
   * limit. Those of other instances are not known here; each instance has its part of what is left of the limit.
   */
  private readonly pendingAttempts = new Map<string, PendingAttempts>();

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly context: CallContext,
    private readonly ranks: CallerRanks,
    private readonly limits: SharedLimits,
    private readonly stream: EventStream,
  ) {
    const { failuresPerAccount, failuresPerIp, failureWindowS: durationS } = settings.auth;
    this.perAccountAndNetwork = limits.counts({
      name: 'log-in-account',
      points: failuresPerAccount,
      durationS,
    });
    this.perNetwork = limits.counts({ name: 'log-in-network', points: failuresPerIp, durationS });
  }

  /**
   * @param account owner of the secret: e-mail address, session id or user id
   * @throws auth/too-many-attempts, auth/busy, or what the attempt throws
   */
  async limit<T>(attempt: Attempt, account: string, run: () => Promise<T>): Promise<T> {
    const network = ipNetwork(this.context.current?.ip ?? '');
    this.ranks.setAccount(account);
    const networkBucket = this.bucketOf(`${attempt} ${network}`);
    const accountBucket = this.bucketOf(`${attempt} ${network} ${account}`);
    await assertBelowLimit(this.perNetwork, networkBucket);
    // A refresh token cannot be guessed, and a window with many tabs refreshes all of them at once.
    const begun = await this.begin(accountBucket, attempt !== 'refresh');
    try {
      const result = await run();
      this.ranks.recordRight();
      await this.perAccountAndNetwork.delete(accountBucket);
      return result;
    } catch (error) {
      if (error instanceof DomainError && WRONG_GUESSES.has(error.code)) {
        this.ranks.recordWrong();
        await Promise.all([this.perAccountAndNetwork.add(accountBucket), this.perNetwork.add(networkBucket)]);
      }
      throw error;
    } finally {
      this.release(accountBucket, begun);
    }
  }

  /** Waits while the attempts under way would use up the limit if all of them were wrong. */
  private async begin(accountBucket: string, isGuessable: boolean): Promise<PendingAttempts> {
    for (;;) {
      const before = this.pendingAttempts.get(accountBucket);
      const endedBefore = before?.ended;
      const wrong = await assertBelowLimit(this.perAccountAndNetwork, accountBucket);
      // An attempt that ended meanwhile may be missing from both counts.
      if (before?.ended !== endedBefore) continue;
      const pendingAttempts = this.pendingAttempts.get(accountBucket) ?? { count: 0, ended: 0, waiting: [] };
      if (!isGuessable || this.mayBegin(wrong, pendingAttempts.count)) {
        pendingAttempts.count += 1;
        this.pendingAttempts.set(accountBucket, pendingAttempts);
        return pendingAttempts;
      }
      if (pendingAttempts.waiting.length >= MAX_QUEUE_LENGTH) throw authBusy();
      await new Promise<void>((resolve) => pendingAttempts.waiting.push(resolve));
    }
  }

  /** One attempt may always be under way here: the ends of those on other instances are not reported. */
  private mayBegin(wrong: number, pending: number): boolean {
    const instances = this.stream.memberIds.size + 1;
    return pending === 0 || wrong + (pending + 1) * instances <= this.settings.auth.failuresPerAccount;
  }

  private release(accountBucket: string, pendingAttempts: PendingAttempts): void {
    pendingAttempts.count -= 1;
    pendingAttempts.ended += 1;
    if (pendingAttempts.count === 0) this.pendingAttempts.delete(accountBucket);
    for (const resume of pendingAttempts.waiting.splice(0)) resume();
  }

  /** One of 65,536 buckets, so that invented addresses cannot fill the memory, here or in Redis. */
  private bucketOf(text: string): string {
    return this.limits.hashOf(text).slice(0, 4);
  }
}

/** Attempts of one network at one account that are under way. */
interface PendingAttempts {
  count: number;
  ended: number;
  /** Resumed when an attempt ends. */
  readonly waiting: (() => void)[];
}

/** @returns the number of wrong guesses so far @throws auth/too-many-attempts */
async function assertBelowLimit(counts: SharedCounts, bucket: string): Promise<number> {
  const counted = await counts.get(bucket);
  if (counted?.remainingPoints === 0)
    throw tooManyAttempts(Math.max(counted.msBeforeNext, MIN_RETRY_AFTER_MS));
  return counted?.consumedPoints ?? 0;
}
