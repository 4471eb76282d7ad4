import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { Clock, EventBus } from '../../core/index.js';
import type { AuditActor } from '../audit/audit-entry.js';
import { AuditLog } from '../audit/audit-log.js';
import type { UserPrincipal } from '../access/principal.js';
import type { LoginSession } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { type TokenPair, TokenPairsService } from './token-pairs.service.js';
import type { UserAccount } from '../users/user.js';

/** From the log-in on, however often it is refreshed. */
export const SESSION_TTL_MS = 30 * 24 * 3_600_000;

/** Sessions begin and end here. All of a user's end together elsewhere: with a write to the user, in `UsersRepository`. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly tokens: TokenPairsService,
    private readonly audit: AuditLog,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** For a user who has just proven who he is. */
  async open(user: UserAccount): Promise<TokenPair> {
    const actor: AuditActor = { kind: 'user', id: user.id, email: user.email };
    const target = { kind: 'user', id: user.id, email: user.email } as const;
    const session = await this.audit.recordAndRun([{ action: 'auth.logged-in', actor, target }], () => {
      const nowMs = this.clock.nowMs();
      const salt = randomBytes(32).toString('base64url');
      // Of the epoch that was read with the password: were both changed meanwhile, the session is born ended.
      const begun = { userId: user.id, epoch: user.sessionEpoch, salt, expiresAtMs: nowMs + SESSION_TTL_MS };
      return this.sessions.create(begun, nowMs);
    });
    return this.tokens.make(session, user, session.generation);
  }

  async logOut({ sessionId, userId, email }: UserPrincipal): Promise<void> {
    const details = { userId };
    const target = { kind: 'session', id: sessionId, email } as const;
    await this.audit.recordAndRun([{ action: 'auth.logged-out', target, details }], () =>
      this.end(sessionId),
    );
  }

  /** An old refresh token came back: it was copied, and nobody can tell the thief from the owner. Both are out. */
  async endOnTokenReuse(session: LoginSession, user: UserAccount): Promise<void> {
    // Ended first: a log that cannot be written must not leave a thief inside.
    await this.end(session.id);
    const target = { kind: 'session', id: session.id, email: user.email } as const;
    await this.audit.record({ action: 'auth.session-reused', target, details: { userId: user.id } });
  }

  private async end(sessionId: string): Promise<void> {
    await this.sessions.revoke(sessionId, this.clock.nowMs());
    await this.events.publishAndWait('access.revoked', { sessionId });
  }
}
