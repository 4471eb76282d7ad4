import { Inject, Injectable } from '@nestjs/common';
import { createHmac, randomBytes } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { DomainError } from '../common/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { authBusy, tooManyAttempts } from './auth.errors.js';
import { CallContext } from './call-context.js';
import { ipNetwork } from './ip-network.js';

/** What is guessed at: a password, a refresh token. */
export type Attempt = 'login' | 'refresh' | 'password-change';

/** Answers that somebody gets who guesses; a session that merely ended is no guess. */
const WRONG_GUESSES = new Set(['auth/bad-credentials', 'auth/token-invalid', 'auth/current-password-wrong']);
const SOON_MS = 1_000;
/** Of one account from one place: a control room's screens, twice over. */
const LONGEST_LINE = 100;

/**
 * Makes guessing slow. Two counts of wrong guesses, both forgotten after a while: of one place at one account, and of
 * one place at everything. Nothing counts against an account alone: then anybody who knows a dispatcher's address
 * could keep him out from afar. Success counts nothing, so a control room behind one address may log in all at once,
 * and device tokens never come here: 256 bits are not guessed, and 10,000 devices return together after an outage.
 *
 * In memory, per instance: a count in the database would fail exactly when people log in anew after an outage, and all
 * that sharing would win is a factor of the few instances there are.
 */
@Injectable()
export class AttemptLimits {
  private readonly atAccount: RateLimiterMemory;
  private readonly atAll: RateLimiterMemory;
  /** Attempts not decided yet may all be wrong: a hundred sent at once must not all be looked at. */
  private readonly undecided = new Map<string, Undecided>();
  private readonly secret = randomBytes(32);

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly context: CallContext,
  ) {
    const { failuresPerAccount, failuresPerIp, failureWindowS } = settings.auth;
    this.atAccount = new RateLimiterMemory({ points: failuresPerAccount, duration: failureWindowS });
    this.atAll = new RateLimiterMemory({ points: failuresPerIp, duration: failureWindowS });
  }

  /**
   * @param account whose secret it is: an address, a session id, a user id
   * @throws auth/too-many-attempts, auth/busy, or what the attempt throws
   */
  async limit<T>(attempt: Attempt, account: string, run: () => Promise<T>): Promise<T> {
    const place = ipNetwork(this.context.current?.ip ?? '');
    const all = this.bucketOf(`${attempt} ${place}`);
    const pair = this.bucketOf(`${attempt} ${place} ${account}`);
    await refuseFrom(this.atAll, all, this.settings.auth.failuresPerIp);
    // A refresh token is as hard to guess as a device's, and a screen full of tabs refreshes all at once.
    const begun = await this.begin(pair, attempt !== 'refresh');
    try {
      const result = await run();
      await this.atAccount.delete(pair);
      return result;
    } catch (error) {
      if (error instanceof DomainError && WRONG_GUESSES.has(error.code)) {
        await Promise.all([this.atAccount.penalty(pair), this.atAll.penalty(all)]);
      }
      throw error;
    } finally {
      this.decided(pair, begun);
    }
  }

  /** Waits while those under way, if all were wrong, would use up what is left: most often they are right. */
  private async begin(pair: string, isGuessable: boolean): Promise<Undecided> {
    const { failuresPerAccount } = this.settings.auth;
    for (;;) {
      const wrong = await refuseFrom(this.atAccount, pair, failuresPerAccount);
      const undecided = this.undecided.get(pair) ?? { count: 0, waiting: [] };
      if (!isGuessable || wrong + undecided.count < failuresPerAccount) {
        undecided.count += 1;
        this.undecided.set(pair, undecided);
        return undecided;
      }
      if (undecided.waiting.length >= LONGEST_LINE) throw authBusy();
      await new Promise<void>((resolve) => undecided.waiting.push(resolve));
    }
  }

  private decided(pair: string, undecided: Undecided): void {
    undecided.count -= 1;
    if (undecided.count === 0) this.undecided.delete(pair);
    for (const look of undecided.waiting.splice(0)) look();
  }

  /**
   * One of 65,536, so that no flood of made-up addresses fills the memory; by a secret of this process, so that nobody
   * can look for an address that shares somebody else's.
   */
  private bucketOf(text: string): string {
    return createHmac('sha256', this.secret).update(text).digest('hex').slice(0, 4);
  }
}

/** Attempts of one place at one account. */
interface Undecided {
  count: number;
  /** Those who look again when one is decided. */
  readonly waiting: (() => void)[];
}

/** How many were wrong so far. */
async function refuseFrom(limiter: RateLimiterMemory, bucket: string, points: number): Promise<number> {
  const counted = await limiter.get(bucket);
  const wrong = counted?.consumedPoints ?? 0;
  if (counted && wrong >= points) throw tooManyAttempts(Math.max(counted.msBeforeNext, SOON_MS));
  return wrong;
}
