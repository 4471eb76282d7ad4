import { AccessTokensService } from './access-tokens.service.js';
import type { OpsTokens } from './ops-tokens.js';
import type { TokenUser } from './principal.js';

interface UserAccess {
  readonly isToken: (token: string) => boolean;
  readonly authenticate: (token: string) => Promise<TokenUser>;
}

/** The access of a lean route that every user may call. */
export function userAccess(accessTokens: AccessTokensService, opsTokens: OpsTokens): UserAccess {
  return {
    isToken: opsTokens.excludeFrom((token) => AccessTokensService.isAccessToken(token)),
    authenticate: (token) => accessTokens.verify(token),
  };
}
