import { Injectable } from '@nestjs/common';
import { JwtService, TokenExpiredError } from '@nestjs/jwt';
import { sessionRevoked, tokenExpired, tokenInvalid } from './auth.errors.js';
import { ROLES, type Role, type TokenUser } from './principal.js';
import { SessionChecks } from './session-checks.js';

export interface AccessClaims {
  /** User id. */
  readonly sub: string;
  /** When it was signed; for clients. What counts is the user's role in storage. */
  readonly role: Role;
  /** Session id. */
  readonly sid: string;
}

const ID = /^[0-9a-f]{24}$/;

@Injectable()
export class AccessTokensService {
  constructor(
    private readonly jwt: JwtService,
    private readonly sessions: SessionChecks,
  ) {}

  /** @throws auth/token-invalid, auth/token-expired, auth/session-revoked, storage/unavailable */
  async verify(token: string): Promise<TokenUser> {
    const { sid, sub, exp } = await this.read(token);
    const principal = await this.sessions.check(sid, sub);
    if (!principal) throw sessionRevoked();
    return { ...principal, tokenEndsMs: exp * 1_000 };
  }

  private async read(token: string): Promise<AccessClaims & { readonly exp: number }> {
    const claims = await this.jwt
      .verifyAsync<AccessClaims & { exp: number }>(token)
      .catch((error: unknown) => {
        throw error instanceof TokenExpiredError ? tokenExpired() : tokenInvalid();
      });
    const isSound =
      typeof claims.sub === 'string' &&
      ID.test(claims.sub) &&
      typeof claims.sid === 'string' &&
      ID.test(claims.sid) &&
      typeof claims.exp === 'number' &&
      ROLES.includes(claims.role);
    if (!isSound) throw tokenInvalid();
    return claims;
  }
}
