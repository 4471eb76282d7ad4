import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/index.js';
import { sessionRevoked, tokenExpired, tokenInvalid } from '../auth.errors.js';
import { parseRefreshToken } from './refresh-token.js';
import { isEnded } from './session.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';
import { type TokenPair, TokenPairsService } from './token-pairs.service.js';
import { UsersRepository } from '../users/users.repository.js';

/** Contract: the previous refresh token is good for 30 s more. */
const GRACE_MS = 30_000;

/** Staying logged in. */
@Injectable()
export class RefreshesService {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly users: UsersRepository,
    private readonly tokens: TokenPairsService,
    private readonly sessionsService: SessionsService,
    private readonly clock: Clock,
  ) {}

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
      // Losing the race means that the same token was just used elsewhere: both get the same successor.
      await this.sessions.rotate(session.id, session.generation, nowMs);
      return this.tokens.make(session, user, session.generation + 1);
    }
    const isPrevious = token.generation === session.generation - 1;
    if (isPrevious && nowMs - session.rotatedAtMs <= GRACE_MS) {
      return this.tokens.make(session, user, session.generation);
    }
    await this.sessionsService.endOnTokenReuse(session, user);
    throw sessionRevoked();
  }
}
