import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { SETTINGS, type Settings } from '../../config/index.js';
import type { AccessClaims } from '../access/access-tokens.service.js';
import { isGenuine, makeRefreshToken, type RefreshToken } from './refresh-token.js';
import type { LoginSession } from './session.js';
import type { UserAccount } from '../users/user.js';

export interface TokenPair {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly tokenType: 'Bearer';
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
}

/** Makes what a client holds of a session. */
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
