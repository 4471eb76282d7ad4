import { Inject, Injectable } from '@nestjs/common';
import { compare, hash } from 'bcrypt';
import { SETTINGS, type Settings } from '../../config/index.js';
import { FairLimiter } from '../../core/index.js';
import { CallerRanks } from '../access/caller-ranks.js';
import { authBusy } from '../auth.errors.js';
import { dummyHash, ROUNDS, roundsOf, roundsToEqual } from './passwords.js';

/** With two at once and 0.25 s each, the last known caller in the queue waits 5 s; users do not wait longer. */
const MAX_WAITING = 32;

/**
 * bcrypt on libuv's thread pool, never on the event loop. The pool has four threads (`UV_THREADPOOL_SIZE`) that also read
 * files and resolve names, so log-ins may use only some of them (`PASSWORD_HASHES_AT_ONCE`).
 */
@Injectable()
export class PasswordHasher {
  private readonly work: FairLimiter;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    private readonly ranks: CallerRanks,
  ) {
    const limits = { maxRunning: settings.auth.hashesAtOnce, maxWaiting: MAX_WAITING };
    this.work = new FairLimiter(limits, authBusy);
  }

  /** True while a new hash would start without waiting. */
  get hasFreeSlot(): boolean {
    return this.work.hasFreeSlot;
  }

  /** @throws auth/busy */
  hash(password: string): Promise<string> {
    return this.work.run(this.ranks.current, () => hash(password, ROUNDS));
  }

  /**
   * False for a missing or malformed hash. The work is the same as for a hash with the rounds of new ones, also when this
   * hash has fewer: the time must not show whether the user exists, nor whether the hash is one of the old server.
   * @throws auth/busy
   */
  isMatch(password: string, passwordHash: string | null): Promise<boolean> {
    const rounds = passwordHash === null ? null : roundsOf(passwordHash);
    const first = passwordHash === null || rounds === null ? dummyHash(ROUNDS) : passwordHash;
    return this.work.run(this.ranks.current, async () => {
      const isSame = await compare(password, first);
      for (const more of roundsToEqual(rounds ?? ROUNDS)) await compare(password, dummyHash(more));
      return isSame && rounds !== null;
    });
  }
}
