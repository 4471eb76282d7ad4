import { Injectable } from '@nestjs/common';
import { Clock, EventBus } from '../../core/index.js';
import type { UserPrincipal } from '../access/principal.js';
import type { Revocation } from '../access/revocations.js';
import { isEnded } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { UsersRepository } from '../users/users.repository.js';

/** How long another instance's revocation may stay unseen here. */
const CACHED_FOR_MS = 2_000;
const MAX_CACHED = 10_000;

interface CachedCheck {
  readonly userId: string;
  readonly askedAtMs: number;
  readonly answer: Promise<UserPrincipal | null>;
}

/**
 * Whether the session behind an access token is still good, and whose it is. The token alone cannot know: it was
 * signed up to a quarter of an hour ago. Storage is asked at most every two seconds per session; what is revoked in
 * this process is forgotten at once.
 */
@Injectable()
export class SessionValidityCache {
  private readonly remembered = new Map<string, CachedCheck>();

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UsersRepository,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('access.revoked', (revocation) => this.forget(revocation));
  }

  /** The user as he is now; null when the session has ended. */
  check(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    // Not the wall clock: set back, it would keep an ended session alive.
    const nowMs = performance.now();
    const known = this.remembered.get(sessionId);
    if (known && known.userId === userId && nowMs - known.askedAtMs < CACHED_FOR_MS) return known.answer;

    const entry: CachedCheck = { userId, askedAtMs: nowMs, answer: this.checkUncached(sessionId, userId) };
    this.remembered.delete(sessionId);
    this.remembered.set(sessionId, entry);
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > MAX_CACHED && oldest !== undefined) this.remembered.delete(oldest);
    entry.answer.catch(() => {
      if (this.remembered.get(sessionId) === entry) this.remembered.delete(sessionId);
    });
    return entry.answer;
  }

  /** Past the memory. */
  async checkUncached(sessionId: string, userId: string): Promise<UserPrincipal | null> {
    const [session, user] = await Promise.all([
      this.sessions.findById(sessionId),
      this.users.findById(userId),
    ]);
    if (!session || !user || isEnded(session, user)) return null;
    if (session.expiresAtMs <= this.clock.nowMs()) return null;
    return { kind: 'user', userId, email: user.email, role: user.role, sessionId };
  }

  /** An answer still on its way when this happens is not remembered either: its entry is gone. */
  private forget(revocation: Revocation): void {
    if ('sessionId' in revocation) this.remembered.delete(revocation.sessionId);
    if (!('userId' in revocation)) return;
    for (const [sessionId, { userId }] of this.remembered) {
      if (userId === revocation.userId) this.remembered.delete(sessionId);
    }
  }
}
