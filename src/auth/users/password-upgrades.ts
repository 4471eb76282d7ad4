import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { PasswordHasher } from './password-hasher.js';
import { isWeak } from './passwords.js';
import type { UserAccount } from './user.js';
import { UsersRepository } from './users.repository.js';

/** Gives passwords of the old server a hash of our strength, when their owners show them; nobody waits for it. */
@Injectable()
export class PasswordUpgrades implements OnModuleDestroy {
  private readonly logger = new Logger(PasswordUpgrades.name);
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @param password the one that was just found right */
  upgradeIfWeak(user: UserAccount, password: string): void {
    // With others waiting to log in it can be done next time.
    if (!isWeak(user.passwordHash) || !this.hasher.hasFreeSlot) return;
    const upgrade = this.upgrade(user, password).finally(() => this.running.delete(upgrade));
    this.running.add(upgrade);
  }

  /** Before the database is closed. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.running);
  }

  private async upgrade(user: UserAccount, password: string): Promise<void> {
    try {
      await this.users.replaceHash(user.id, user.passwordHash, await this.hasher.hash(password));
    } catch (error) {
      this.logger.warn({ err: error, userId: user.id }, 'an old password hash could not be replaced');
    }
  }
}
