import { Injectable } from '@nestjs/common';
import { Cache } from '../../cache/index.js';
import { Clock, EventBus } from '../../core/index.js';
import type { UserPrincipal } from '../access/principal.js';
import { isEnded } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { UsersRepository } from '../users/users.repository.js';

const CACHE_TTL_MS = 30_000;

interface ValidSession {
  readonly principal: UserPrincipal;
  readonly expiresAtMs: number;
}

/**
 * Checks whether the session of an access token is still valid, and returns its user. The token is not enough: it was
 * signed up to 15 minutes ago. A valid session is kept in memory while revocations of every instance arrive here; one of them
 * removes it at once.
 */
@Injectable()
export class SessionValidityCache {
  private readonly valid;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UsersRepository,
    private readonly clock: Clock,
    cache: Cache,
    events: EventBus,
  ) {
    this.valid = cache.define<ValidSession>({ name: 'sessions', ttlMs: CACHE_TTL_MS, tier: 'process' });
    events.subscribe('access.revoked', (revocation) => {
      if ('sessionId' in revocation) void this.valid.forget(revocation.sessionId);
      // Rare, so it is not worth an index by user.
      if ('userId' in revocation) this.valid.clear();
    });
    events.subscribe('user.changed', () => this.valid.clear());
  }

  /** The user as stored now; null when the session has ended. @throws storage/unavailable */
  async check(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    const found = await this.valid.get(sessionId, () => this.findValid(sessionId, userId));
    const isValid = found?.principal.userId === userId && found.expiresAtMs > this.clock.nowMs();
    return isValid ? found.principal : null;
  }

  /** Like `check`, without the cache. */
  async checkUncached(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    return (await this.findValid(sessionId, userId))?.principal ?? null;
  }

  private async findValid(sessionId: string, userId: string): Promise<ValidSession | null> {
    const [session, user] = await Promise.all([
      this.sessions.findById(sessionId),
      this.users.findById(userId),
    ]);
    if (!session || !user || isEnded(session, user)) return null;
    const { expiresAtMs } = session;
    if (expiresAtMs <= this.clock.nowMs()) return null;
    return {
      principal: { kind: 'user', userId, email: user.email, role: user.role, sessionId },
      expiresAtMs,
    };
  }
}
