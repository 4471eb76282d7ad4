import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { Clock, EventBus } from '../../core/index.js';
import type { Revocation, UserPrincipal } from '../access/principal.js';
import { isEnded } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { UsersRepository } from '../users/users.repository.js';

/** A revocation by another instance takes effect here after this time at most. */
const CACHE_TTL_MS = 2_000;
const MAX_CACHED = 10_000;

interface CachedCheck {
  readonly userId: string;
  readonly answer: Promise<UserPrincipal | null>;
}

/**
 * Checks whether the session of an access token is still valid, and returns its user. The token is not enough: it was
 * signed up to 15 minutes ago. One session causes at most one database query in two seconds. A revocation in this
 * process removes the cached result at once.
 */
@Injectable()
export class SessionValidityCache {
  /** Measures age by the monotonic clock, so that a clock set back does not keep an ended session alive. */
  private readonly checks = new LRUCache<string, CachedCheck>({ max: MAX_CACHED, ttl: CACHE_TTL_MS });

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UsersRepository,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('access.revoked', (revocation) => this.forget(revocation));
  }

  /** The user as stored now; null when the session has ended. @throws storage/unavailable */
  check(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    const cached = this.checks.get(sessionId);
    if (cached?.userId === userId) return cached.answer;
    const check: CachedCheck = { userId, answer: this.checkUncached(sessionId, userId) };
    this.checks.set(sessionId, check);
    check.answer.catch(() => {
      if (this.checks.peek(sessionId) === check) this.checks.delete(sessionId);
    });
    return check.answer;
  }

  /** Like `check`, without the cache. */
  async checkUncached(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    const [session, user] = await Promise.all([
      this.sessions.findById(sessionId),
      this.users.findById(userId),
    ]);
    if (!session || !user || isEnded(session, user)) return null;
    if (session.expiresAtMs <= this.clock.nowMs()) return null;
    return { kind: 'user', userId, email: user.email, role: user.role, sessionId };
  }

  /** Also discards a check in progress: its result may be older than the revocation. */
  private forget(revocation: Revocation): void {
    if ('sessionId' in revocation) this.checks.delete(revocation.sessionId);
    if (!('userId' in revocation)) return;
    for (const [sessionId, { userId }] of this.checks.entries()) {
      if (userId === revocation.userId) this.checks.delete(sessionId);
    }
  }
}
