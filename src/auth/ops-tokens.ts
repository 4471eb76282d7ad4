import { Inject, Injectable } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import { SETTINGS, type Settings } from '../config/index.js';

/** OPS_TOKEN and OPS_TOKEN_PREVIOUS. They ask no storage: an operator is needed most when it is away. */
@Injectable()
export class OpsTokens {
  private readonly digests: readonly Buffer[];

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.digests = settings.auth.opsTokens.map(digestOf);
  }

  /** In constant time, whatever the token's length. */
  isGood(token: string): boolean {
    const given = digestOf(token);
    return this.digests.map((digest) => timingSafeEqual(digest, given)).includes(true);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
