import { Injectable } from '@nestjs/common';
import type { AuditTarget } from '../audit/audit-entry.js';
import { AuditLog } from '../audit/audit-log.js';
import { badCredentials } from '../auth.errors.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { PasswordUpgrades } from '../users/password-upgrades.js';
import { SessionsService } from './sessions.service.js';
import type { TokenPair } from './token-pairs.service.js';
import { emailKey, type UserAccount } from '../users/user.js';
import { UsersRepository } from '../users/users.repository.js';

/** Getting in. */
@Injectable()
export class LoginsService {
  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
    private readonly upgrades: PasswordUpgrades,
    private readonly sessions: SessionsService,
    private readonly audit: AuditLog,
  ) {}

  /** @throws auth/bad-credentials, auth/busy */
  async logIn(email: string, password: string): Promise<TokenPair> {
    const user = await this.users.findByEmail(email);
    const isRight = await this.hasher.isMatch(password, user?.passwordHash ?? null);
    if (!user || !isRight) {
      await this.audit.record({ action: 'auth.login-failed', target: loginTarget(email, user) });
      throw badCredentials();
    }
    this.upgrades.upgradeIfWeak(user, password);
    return this.sessions.open(user);
  }
}

/** What has not the form of an address is not written down: people type their password into the wrong field. */
function loginTarget(email: string, user: UserAccount | null): AuditTarget {
  const key = emailKey(email);
  const isAddress = /^[^\s@]+@[^\s@]+$/.test(key);
  return { kind: 'user', id: user?.id ?? null, email: isAddress ? key : null };
}
