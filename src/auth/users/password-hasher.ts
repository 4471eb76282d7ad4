import { Inject, Injectable } from '@nestjs/common';
import { compare, hash } from 'bcrypt';
import { SETTINGS, type Settings } from '../../config/index.js';
import { authBusy } from '../auth.errors.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';
import { DUMMY_HASH, ROUNDS, roundsOf } from './passwords.js';

/** With two at once and 0.25 s each, the last in the queue waits 4 s; users do not wait longer. */
const MAX_QUEUE_LENGTH = 32;

/**
 * bcrypt on libuv's thread pool, never on the event loop. The pool has four threads (`UV_THREADPOOL_SIZE`) that also read
 * files and resolve names, so log-ins may use only some of them (`PASSWORD_HASHES_AT_ONCE`).
 */
@Injectable()
export class PasswordHasher {
  private readonly work: ConcurrencyLimiter;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.work = new ConcurrencyLimiter(settings.auth.hashesAtOnce, MAX_QUEUE_LENGTH, authBusy);
  }

  /** True while a new hash would start without waiting. */
  get hasFreeSlot(): boolean {
    return this.work.hasFreeSlot;
  }

  /** @throws auth/busy */
  hash(password: string): Promise<string> {
    return this.work.run(() => hash(password, ROUNDS));
  }

  /**
   * False for a missing or malformed hash, after the same time as for a real one: the answer must not show whether the
   * user exists.
   * @throws auth/busy
   */
  async isMatch(password: string, passwordHash: string | null): Promise<boolean> {
    const isHash = passwordHash !== null && roundsOf(passwordHash) !== null;
    const isSame = await this.work.run(() => compare(password, isHash ? passwordHash : DUMMY_HASH));
    return isSame && isHash;
  }
}
