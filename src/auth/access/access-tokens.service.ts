import { Inject, Injectable } from '@nestjs/common';
import { JsonWebTokenError, type JwtModuleOptions, JwtService, TokenExpiredError } from '@nestjs/jwt';
import { createSecretKey } from 'node:crypto';
import { SETTINGS, type Settings } from '../../config/index.js';
import { sessionRevoked, tokenExpired, tokenInvalid } from '../auth.errors.js';
import { ROLES, type Role, type TokenUser } from './principal.js';
import { SessionValidityCache } from '../sessions/session-validity-cache.js';

export interface AccessClaims {
  /** User id. */
  readonly sub: string;
  /** The role at signing, for clients. Access is decided by the role in storage. */
  readonly role: Role;
  /** Session id. */
  readonly sid: string;
}

const ID = /^[0-9a-f]{24}$/;

/** One algorithm, named for signing and for verification: this rules out `alg: none` and key confusion. */
export function jwtOptions(secret: string): JwtModuleOptions {
  return {
    // A key object: jsonwebtoken tries to read a text as a public key at each call, which costs 40 times as much.
    secret: createSecretKey(Buffer.from(secret)),
    signOptions: { algorithm: 'HS256', issuer: 'samserver' },
    verifyOptions: { algorithms: ['HS256'], issuer: 'samserver' },
  };
}

/** Verifies the access tokens of users. */
@Injectable()
export class AccessTokensService {
  /** Verifies tokens that were signed with JWT_SECRET_PREVIOUS. */
  private readonly previous: JwtService | null;

  constructor(
    private readonly jwt: JwtService,
    private readonly sessions: SessionValidityCache,
    @Inject(SETTINGS) { auth: { jwtSecretPrevious } }: Settings,
  ) {
    this.previous = jwtSecretPrevious === null ? null : new JwtService(jwtOptions(jwtSecretPrevious));
  }

  /** True for a text with the form of an access token. */
  static isAccessToken(token: string): boolean {
    return /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(token);
  }

  /** @throws auth/token-invalid, auth/token-expired, auth/session-revoked, storage/unavailable */
  async verify(token: string): Promise<TokenUser> {
    const { sid, sub, exp } = await this.read(token);
    const principal = await this.sessions.check(sid, sub);
    if (!principal) throw sessionRevoked();
    return { ...principal, tokenEndsMs: exp * 1_000 };
  }

  private async read(token: string): Promise<AccessClaims & { readonly exp: number }> {
    const claims = await this.readSigned(token).catch((error: unknown) => {
      throw error instanceof TokenExpiredError ? tokenExpired() : tokenInvalid();
    });
    const isWellFormed =
      typeof claims.sub === 'string' &&
      ID.test(claims.sub) &&
      typeof claims.sid === 'string' &&
      ID.test(claims.sid) &&
      typeof claims.exp === 'number' &&
      ROLES.includes(claims.role);
    if (!isWellFormed) throw tokenInvalid();
    return claims;
  }

  private async readSigned(token: string): Promise<AccessClaims & { readonly exp: number }> {
    try {
      return await this.jwt.verifyAsync(token);
    } catch (error) {
      if (this.previous === null || !isSignatureMismatch(error)) throw error;
      return this.previous.verifyAsync(token);
    }
  }
}

/** jsonwebtoken has no error class for a wrong signature. */
function isSignatureMismatch(error: unknown): boolean {
  return error instanceof JsonWebTokenError && error.message === 'invalid signature';
}
