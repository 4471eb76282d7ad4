import { EventBus } from '../../core/index.js';
import { Injectable } from '@nestjs/common';
import { AuditLog } from '../audit/audit-log.js';
import { currentPasswordWrong, sessionRevoked, usersBusy } from '../auth.errors.js';
import { PasswordHasher } from './password-hasher.js';
import type { UserPrincipal } from '../access/principal.js';
import { SessionValidityCache } from '../sessions/session-validity-cache.js';
import { toUserView, type UserView } from './user.js';
import { UsersRepository } from './users.repository.js';

/** What users do about themselves. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly users: UsersRepository,
    private readonly sessions: SessionValidityCache,
    private readonly hasher: PasswordHasher,
    private readonly audit: AuditLog,
    private readonly events: EventBus,
  ) {}

  /** @throws users/not-found */
  async get(userId: string): Promise<UserView> {
    return toUserView(await this.users.getById(userId));
  }

  /**
   * Ends the user's other sessions: whoever changes his password may do it because somebody else knows it.
   * @throws auth/current-password-wrong, auth/session-revoked, auth/busy, users/busy
   */
  async changePassword(
    { userId, sessionId }: UserPrincipal,
    currentPassword: string,
    newPassword: string,
  ): Promise<void> {
    const user = await this.users.getById(userId);
    const target = { kind: 'user', id: user.id, email: user.email } as const;
    if (!(await this.hasher.isMatch(currentPassword, user.passwordHash))) {
      await this.audit.record({ action: 'auth.password-check-failed', target });
      throw currentPasswordWrong();
    }
    const passwordHash = await this.hasher.hash(newPassword);
    // Asked after the user was read: a session that ended in between must not be the one that is kept.
    if (!(await this.sessions.checkUncached(sessionId, userId))) throw sessionRevoked();
    await this.audit.recordAndRun([{ action: 'user.password-changed', target }], async () => {
      const keep = { endAllBut: sessionId };
      if (!(await this.users.change(userId, user.version, { passwordHash }, keep))) throw usersBusy();
    });
    await this.events.publishAndWait('access.revoked', { userId, keptSessionId: sessionId });
  }
}
