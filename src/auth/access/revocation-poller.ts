import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { DeviceCredentialsRepository } from '../devices/device-credentials.repository.js';
import type { Principal, UserPrincipal } from './principal.js';
import { isEnded, type LoginSession } from '../sessions/session.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import { UsersRepository } from '../users/users.repository.js';

/** Covers clock skew between instances and revocations that are still being written. */
const OVERLAP_MS = 600_000;

/**
 * Finds principals whose access another instance revoked. Users are looked up by session, in one query. Devices are too
 * many for that (10,000 sockets), so a second query reads the credentials that were revoked since the last poll.
 */
@Injectable()
export class RevocationPoller {
  /** Time of the last successful poll of credentials; after an outage the next poll reaches further back. */
  private lastPolledAtMs: number;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UsersRepository,
    private readonly credentials: DeviceCredentialsRepository,
    private readonly clock: Clock,
  ) {
    this.lastPolledAtMs = clock.nowMs();
  }

  /** @returns those that are revoked @throws storage/unavailable */
  async findRevokedPrincipals<P extends Principal>(principals: readonly P[]): Promise<ReadonlySet<P>> {
    const users = (principals as readonly Principal[]).filter(isUser);
    const nowMs = this.clock.nowMs();
    const [activeSessionIds, revokedIds] = await Promise.all([
      users.length === 0 ? new Set<string>() : this.findActiveSessionIds(users, nowMs),
      users.length === principals.length ? new Set<string>() : this.findRevokedCredentialIds(nowMs),
    ]);
    return new Set(
      principals.filter((principal) =>
        principal.kind === 'device'
          ? revokedIds.has(principal.credentialId)
          : !activeSessionIds.has(principal.sessionId),
      ),
    );
  }

  private async findRevokedCredentialIds(nowMs: number): Promise<ReadonlySet<string>> {
    const sinceMs = Math.min(this.lastPolledAtMs, nowMs) - OVERLAP_MS;
    const revoked = await this.credentials.findRevokedSince(new Date(sinceMs));
    this.lastPolledAtMs = nowMs;
    return revoked;
  }

  private async findActiveSessionIds(
    principals: readonly UserPrincipal[],
    nowMs: number,
  ): Promise<ReadonlySet<string>> {
    const [sessions, users] = await Promise.all([
      this.sessions.findByIds([...new Set(principals.map(({ sessionId }) => sessionId))]),
      this.users.findByIds([...new Set(principals.map(({ userId }) => userId))]),
    ]);
    const userById = new Map(users.map((user) => [user.id, user]));
    const isActive = (session: LoginSession): boolean => {
      const user = userById.get(session.userId);
      return user !== undefined && session.expiresAtMs > nowMs && !isEnded(session, user);
    };
    return new Set(sessions.filter(isActive).map(({ id }) => id));
  }
}

function isUser(principal: Principal): principal is UserPrincipal {
  return principal.kind === 'user';
}
