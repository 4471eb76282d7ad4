import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { PasswordHasher } from './password-hasher.js';
import { hasOtherRounds } from './passwords.js';
import type { UserAccount } from './user.js';
import { UsersRepository } from './users.repository.js';

/** Replaces hashes with other rounds than new ones after a successful log-in, in the background. */
@Injectable()
export class PasswordUpgrades implements OnModuleDestroy {
  private readonly logger = new Logger(PasswordUpgrades.name);
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
  ) {}

  /** @param password the verified password */
  replaceIfOtherRounds(user: UserAccount, password: string): void {
    // Log-ins have priority; the next log-in can do this.
    if (!hasOtherRounds(user.passwordHash) || !this.hasher.hasFreeSlot) return;
    const upgrade = this.upgrade(user, password).finally(() => this.running.delete(upgrade));
    this.running.add(upgrade);
  }

  /** Waits for upgrades in progress, because the database connection closes afterwards. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.running);
  }

  private async upgrade(user: UserAccount, password: string): Promise<void> {
    try {
      await this.users.replaceHash(user.id, user.passwordHash, await this.hasher.hash(password));
    } catch (error) {
      this.logger.warn({ err: error, userId: user.id }, 'password hash not replaced');
    }
  }
}
