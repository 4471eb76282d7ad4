import { Inject, Injectable } from '@nestjs/common';
import { compare, hash } from 'bcrypt';
import { SETTINGS, type Settings } from '../../config/index.js';
import { authBusy } from '../auth.errors.js';
import { ConcurrencyLimiter } from './concurrency-limiter.js';
import { DUMMY_HASH, ROUNDS, roundsOf } from './passwords.js';

/** With two at once and a quarter of a second each, the last in line waits four seconds: longer, and people hang up. */
const MAX_QUEUE_LENGTH = 32;

/**
 * bcrypt, never on the event loop: it computes on libuv's threads. Those are four (`UV_THREADPOOL_SIZE`) and they also
 * read files and resolve names, so a flood of log-ins may take only some of them (`PASSWORD_HASHES_AT_ONCE`), and
 * only so many may wait.
 */
@Injectable()
export class PasswordHasher {
  private readonly work: ConcurrencyLimiter;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.work = new ConcurrencyLimiter(settings.auth.hashesAtOnce, MAX_QUEUE_LENGTH, authBusy);
  }

  /** True while nobody would have to wait. */
  get hasFreeSlot(): boolean {
    return this.work.hasFreeSlot;
  }

  /** @throws auth/busy */
  hash(password: string): Promise<string> {
    return this.work.run(() => hash(password, ROUNDS));
  }

  /**
   * False also when there is no hash, or one that is none: all of them take as long, and a broken record is nobody's
   * way in and nobody's error page.
   * @throws auth/busy
   */
  async isMatch(password: string, passwordHash: string | null): Promise<boolean> {
    const isHash = passwordHash !== null && roundsOf(passwordHash) !== null;
    const isSame = await this.work.run(() => compare(password, isHash ? passwordHash : DUMMY_HASH));
    return isSame && isHash;
  }
}
