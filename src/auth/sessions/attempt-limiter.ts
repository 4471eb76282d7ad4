import { Inject, Injectable } from '@nestjs/common';
import { createHmac, randomBytes } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { DomainError } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { authBusy, tooManyAttempts } from '../auth.errors.js';
import { CallContext } from '../access/call-context.js';
import { ipNetwork } from './ip-network.js';

/** What is guessed at: a password, a refresh token. */
export type Attempt = 'login' | 'refresh' | 'password-change';

/** Answers that somebody gets who guesses; a session that merely ended is no guess. */
const WRONG_GUESSES = new Set(['auth/bad-credentials', 'auth/token-invalid', 'auth/current-password-wrong']);
const MIN_RETRY_AFTER_MS = 1_000;
/** Of one account from one network: a control room's screens, twice over. */
const MAX_QUEUE_LENGTH = 100;

/**
 * Makes guessing slow. Two counts of wrong guesses, both forgotten after a while: of one network at one account, and of
 * one network at everything. Nothing counts against an account alone: then anybody who knows a dispatcher's address
 * could keep him out from afar. Success counts nothing, so a control room behind one address may log in all at once,
 * and device tokens never come here: 256 bits are not guessed, and 10,000 devices return together after an outage.
 *
 * In memory, per instance: a count in the database would fail exactly when people log in anew after an outage, and all
 * that sharing would win is a factor of the few instances there are.
 */
@Injectable()
export class AttemptLimiter {
  private readonly perAccountAndNetwork: RateLimiterMemory;
  private readonly perNetwork: RateLimiterMemory;
  /** Attempts not decided yet may all be wrong: a hundred sent at once must not all be looked at. */
  private readonly pendingAttempts = new Map<string, PendingAttempts>();
  private readonly secret = randomBytes(32);

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly context: CallContext,
  ) {
    const { failuresPerAccount, failuresPerIp, failureWindowS } = settings.auth;
    this.perAccountAndNetwork = new RateLimiterMemory({
      points: failuresPerAccount,
      duration: failureWindowS,
    });
    this.perNetwork = new RateLimiterMemory({ points: failuresPerIp, duration: failureWindowS });
  }

  /**
   * @param account whose secret it is: an address, a session id, a user id
   * @throws auth/too-many-attempts, auth/busy, or what the attempt throws
   */
  async limit<T>(attempt: Attempt, account: string, run: () => Promise<T>): Promise<T> {
    const network = ipNetwork(this.context.current?.ip ?? '');
    const all = this.bucketOf(`${attempt} ${network}`);
    const accountBucket = this.bucketOf(`${attempt} ${network} ${account}`);
    await assertBelowLimit(this.perNetwork, all, this.settings.auth.failuresPerIp);
    // A refresh token is as hard to guess as a device's, and a screen full of tabs refreshes all at once.
    const begun = await this.begin(accountBucket, attempt !== 'refresh');
    try {
      const result = await run();
      await this.perAccountAndNetwork.delete(accountBucket);
      return result;
    } catch (error) {
      if (error instanceof DomainError && WRONG_GUESSES.has(error.code)) {
        await Promise.all([this.perAccountAndNetwork.penalty(accountBucket), this.perNetwork.penalty(all)]);
      }
      throw error;
    } finally {
      this.decided(accountBucket, begun);
    }
  }

  /** Waits while those under way, if all were wrong, would use up what is left: most often they are right. */
  private async begin(accountBucket: string, isGuessable: boolean): Promise<PendingAttempts> {
    const { failuresPerAccount } = this.settings.auth;
    for (;;) {
      const wrong = await assertBelowLimit(this.perAccountAndNetwork, accountBucket, failuresPerAccount);
      const pendingAttempts = this.pendingAttempts.get(accountBucket) ?? { count: 0, waiting: [] };
      if (!isGuessable || wrong + pendingAttempts.count < failuresPerAccount) {
        pendingAttempts.count += 1;
        this.pendingAttempts.set(accountBucket, pendingAttempts);
        return pendingAttempts;
      }
      if (pendingAttempts.waiting.length >= MAX_QUEUE_LENGTH) throw authBusy();
      await new Promise<void>((resolve) => pendingAttempts.waiting.push(resolve));
    }
  }

  private decided(accountBucket: string, pendingAttempts: PendingAttempts): void {
    pendingAttempts.count -= 1;
    if (pendingAttempts.count === 0) this.pendingAttempts.delete(accountBucket);
    for (const look of pendingAttempts.waiting.splice(0)) look();
  }

  /**
   * One of 65,536, so that no flood of made-up addresses fills the memory; by a secret of this process, so that nobody
   * can look for an address that shares somebody else's.
   */
  private bucketOf(text: string): string {
    return createHmac('sha256', this.secret).update(text).digest('hex').slice(0, 4);
  }
}

/** Attempts of one network at one account. */
interface PendingAttempts {
  count: number;
  /** Those who look again when one is decided. */
  readonly waiting: (() => void)[];
}

/** How many were wrong so far. */
async function assertBelowLimit(limiter: RateLimiterMemory, bucket: string, points: number): Promise<number> {
  const counted = await limiter.get(bucket);
  const wrong = counted?.consumedPoints ?? 0;
  if (counted && wrong >= points) throw tooManyAttempts(Math.max(counted.msBeforeNext, MIN_RETRY_AFTER_MS));
  return wrong;
}
