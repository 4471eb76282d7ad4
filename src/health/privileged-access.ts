import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccessTokensService, bearerToken, OpsTokens } from '../auth/index.js';

/** A probe has to be answered within 50 ms, and an admin's session is asked of storage, which may be what is away. */
const TIMEOUT_MS = 25;

/** Who may see more than states and reasons: the ops token, and admins while storage can say that they are. */
@Injectable()
export class PrivilegedAccess {
  constructor(
    private readonly opsTokens: OpsTokens,
    private readonly accessTokens: AccessTokensService,
  ) {}

  /** Never rejects: whoever cannot be known in time is a stranger. */
  async has(request: Request): Promise<boolean> {
    const token = bearerToken(request);
    if (token === null) return false;
    if (this.opsTokens.isValid(token)) return true;
    const isAdmin = this.accessTokens.verify(token).then(
      ({ role }) => role === 'admin',
      () => false,
    );
    return Promise.race([isAdmin, sleep(TIMEOUT_MS, false, { ref: false })]);
  }
}
