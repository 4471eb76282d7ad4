import { Inject, Injectable } from '@nestjs/common';
import { compare, hash } from 'bcrypt';
import { SETTINGS, type Settings } from '../config/index.js';
import { authBusy } from './auth.errors.js';
import { BoundedWork } from './bounded-work.js';
import { DECOY, ROUNDS, roundsOf } from './passwords.js';

/** With two at once and a quarter of a second each, the last in line waits four seconds: longer, and people hang up. */
const LONGEST_LINE = 32;

/**
 * bcrypt, never on the event loop: it computes on libuv's threads. Those are four (`UV_THREADPOOL_SIZE`) and they also
 * read files and resolve names, so a flood of log-ins may take only some of them (`PASSWORD_HASHES_AT_ONCE`), and
 * only so many may wait.
 */
@Injectable()
export class PasswordHasher {
  private readonly work: BoundedWork;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.work = new BoundedWork(settings.auth.hashesAtOnce, LONGEST_LINE, authBusy);
  }

  /** True while nobody would have to wait. */
  get hasRoom(): boolean {
    return this.work.hasRoom;
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
    const isSame = await this.work.run(() => compare(password, isHash ? passwordHash : DECOY));
    return isSame && isHash;
  }
}
