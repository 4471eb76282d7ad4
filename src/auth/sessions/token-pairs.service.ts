import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { SETTINGS, type Settings } from '../../config/index.js';
import type { AccessClaims } from '../access/access-tokens.service.js';
import type { LoginSession } from './session.js';
import type { UserAccount } from '../users/user.js';

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly tokenType: 'Bearer';
  /** Lifetime of the access token, seconds. */
  readonly expiresIn: number;
}

/** Makes and checks the tokens that a client holds for its session. */
@Injectable()
export class TokenPairsService {
  constructor(
    private readonly jwt: JwtService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  async make(session: LoginSession, user: UserAccount, generation: number): Promise<TokenPair> {
    const claims: AccessClaims = { sub: user.id, role: user.role, sid: session.id };
    return {
      accessToken: await this.jwt.signAsync(claims, { expiresIn: this.settings.auth.accessTokenTtlS }),
      refreshToken: makeRefreshToken(session.id, generation, session.salt, this.settings.auth.jwtSecret),
      tokenType: 'Bearer',
      expiresIn: this.settings.auth.accessTokenTtlS,
    };
  }

  isGenuine(token: RefreshToken, session: LoginSession): boolean {
    const { jwtSecret, jwtSecretPrevious } = this.settings.auth;
    return [jwtSecret, jwtSecretPrevious].some(
      (secret) => secret !== null && isGenuine(token, session.salt, secret),
    );
  }
}

/**
 * `<session id>.<generation>.<HMAC-SHA-256>`. The service computes tokens and does not store them. Therefore the
 * previous token gets the *same* successor again (a lost answer must not log a dispatcher out), and a stolen database
 * contains no token: to forge one, the signing secret is needed.
 */
interface RefreshToken {
  readonly sessionId: string;
  readonly generation: number;
  readonly mac: string;
}

export function makeRefreshToken(
  sessionId: string,
  generation: number,
  salt: string,
  secret: string,
): string {
  return `${sessionId}.${generation}.${mac(sessionId, generation, salt, secret)}`;
}

/** null for a text that does not have the form of a refresh token. */
export function parseRefreshToken(text: string): RefreshToken | null {
  const match = /^([0-9a-f]{24})\.(\d{1,9})\.([A-Za-z0-9_-]{43})$/.exec(text);
  if (!match?.[1] || !match[2] || !match[3]) return null;
  return { sessionId: match[1], generation: Number(match[2]), mac: match[3] };
}

/** The session id that the text claims, not verified, for counting attempts; empty when it cannot be parsed. */
export function sessionIdIn(text: string): string {
  return parseRefreshToken(text)?.sessionId ?? '';
}

export function isGenuine(token: RefreshToken, salt: string, secret: string): boolean {
  return timingSafeEqual(
    Buffer.from(token.mac),
    Buffer.from(mac(token.sessionId, token.generation, salt, secret)),
  );
}

function mac(sessionId: string, generation: number, salt: string, secret: string): string {
  return createHmac('sha256', secret)
    .update(`refresh:${sessionId}:${generation}:${salt}`)
    .digest('base64url');
}
