import { Injectable } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { Clock, EventBus } from '../../core/index.js';
import type { UserPrincipal } from '../access/principal.js';
import type { AuditActor, AuditTarget } from '../audit/audit-entry.js';
import { AuditLog } from '../audit/audit-log.js';
import { badCredentials, sessionRevoked, tokenExpired, tokenInvalid } from '../auth.errors.js';
import { PasswordHasher } from '../users/password-hasher.js';
import { PasswordUpgrades } from '../users/password-upgrades.js';
import { emailKey, type UserAccount } from '../users/user.js';
import { UsersRepository } from '../users/users.repository.js';
import { isEnded, type LoginSession, rotationsInGrace } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { parseRefreshToken, type TokenPair, TokenPairsService } from './token-pairs.service.js';

/** A session ends 30 days after the log-in, however often it is refreshed. */
export const SESSION_TTL_MS = 30 * 24 * 3_600_000;

/** Far more than the tabs of one window cause within the 30 s of grace. */
const MAX_RECENT_ROTATIONS = 100;

/**
 * The life of a session: log-in, refresh, log-out. All sessions of a user end together with a write to the user
 * (`UsersRepository.change`).
 */
@Injectable()
export class SessionsService {
  constructor(
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
    private readonly upgrades: PasswordUpgrades,
    private readonly sessions: SessionsRepository,
    private readonly tokens: TokenPairsService,
    private readonly audit: AuditLog,
    private readonly events: EventBus,
    private readonly clock: Clock,
  ) {}

  /** @throws auth/bad-credentials, auth/busy */
  async logIn(email: string, password: string): Promise<TokenPair> {
    const user = await this.users.findByEmail(email);
    const isRight = await this.hasher.isMatch(password, user?.passwordHash ?? null);
    if (!user || !isRight) {
      await this.audit.record({ action: 'auth.login-failed', target: loginTarget(email, user) });
      throw badCredentials();
    }
    this.upgrades.replaceIfOtherRounds(user, password);
    return this.open(user);
  }

  /** @throws auth/token-invalid, auth/token-expired, auth/session-revoked */
  async refresh(refreshToken: string): Promise<TokenPair> {
    const token = parseRefreshToken(refreshToken);
    const session = token && (await this.sessions.findById(token.sessionId));
    if (!session || !this.tokens.isGenuine(token, session)) throw tokenInvalid();
    const user = await this.users.findById(session.userId);
    if (!user || isEnded(session, user)) throw sessionRevoked();
    const nowMs = this.clock.nowMs();
    if (session.expiresAtMs <= nowMs) throw tokenExpired();

    if (token.generation === session.generation) {
      return this.tokens.make(session, user, await this.rotate(session, nowMs));
    }
    if (rotationsInGrace(session, nowMs).some(({ generation }) => generation === token.generation)) {
      return this.tokens.make(session, user, session.generation);
    }
    await this.endOnTokenReuse(session, user);
    throw sessionRevoked();
  }

  /** @returns the current generation; another request may have rotated the same token first */
  private async rotate(session: LoginSession, nowMs: number): Promise<number> {
    const recent = rotationsInGrace(session, nowMs);
    // The stored list stays small. The client gets the token back that it has.
    if (recent.length >= MAX_RECENT_ROTATIONS) return session.generation;
    const isRotated = await this.sessions.rotate(session.id, session.generation, recent, nowMs);
    const current = isRotated
      ? session.generation + 1
      : (await this.sessions.findById(session.id))?.generation;
    if (current === undefined) throw sessionRevoked();
    return current;
  }

  async logOut({ sessionId, userId, email }: UserPrincipal): Promise<void> {
    const details = { userId };
    const target = { kind: 'session', id: sessionId, email } as const;
    await this.audit.recordAndRun([{ action: 'auth.logged-out', target, details }], () =>
      this.end(sessionId),
    );
  }

  /** Starts a session of a user whose password was verified. */
  async open(user: UserAccount): Promise<TokenPair> {
    const actor: AuditActor = { kind: 'user', id: user.id, email: user.email };
    const target = { kind: 'user', id: user.id, email: user.email } as const;
    const session = await this.audit.recordAndRun([{ action: 'auth.logged-in', actor, target }], () => {
      const nowMs = this.clock.nowMs();
      const salt = randomBytes(32).toString('base64url');
      // Uses the epoch that was read with the password: if the password changes in between, the new session is never
      // valid.
      const begun = { userId: user.id, epoch: user.sessionEpoch, salt, expiresAtMs: nowMs + SESSION_TTL_MS };
      return this.sessions.create(begun, nowMs);
    });
    return this.tokens.make(session, user, session.generation);
  }

  /** A reused refresh token was copied. The service cannot distinguish thief and owner, so the session ends for both. */
  private async endOnTokenReuse(session: LoginSession, user: UserAccount): Promise<void> {
    // The session ends before the audit entry is written: a failed write of the log must not keep a stolen session
    // alive.
    await this.end(session.id);
    const target = { kind: 'session', id: session.id, email: user.email } as const;
    await this.audit.record({ action: 'auth.session-reused', target, details: { userId: user.id } });
  }

  private async end(sessionId: string): Promise<void> {
    await this.sessions.revoke(sessionId, this.clock.nowMs());
    await this.events.publishAndWait('access.revoked', { sessionId });
  }
}

/** Records only texts that have the form of an address: users type passwords into the wrong field. */
function loginTarget(email: string, user: UserAccount | null): AuditTarget {
  const key = emailKey(email);
  const isAddress = /^[^\s@]+@[^\s@]+$/.test(key);
  return { kind: 'user', id: user?.id ?? null, email: isAddress ? key : null };
}
