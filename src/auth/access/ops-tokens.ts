import { Inject, Injectable } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import { SETTINGS, type Settings } from '../../config/index.js';
import { IpAddressSet } from './ip-address-set.js';

/** OPS_TOKEN and OPS_TOKEN_PREVIOUS. They ask no storage: an operator is needed most when it is away. */
@Injectable()
export class OpsTokens {
  private readonly digests: readonly Buffer[];
  private readonly scrapers: IpAddressSet;

  constructor(@Inject(SETTINGS) settings: Settings) {
    this.digests = settings.auth.opsTokens.map(digestOf);
    this.scrapers = new IpAddressSet(settings.metrics.allowFrom);
  }

  /** In constant time, whatever the token's length. */
  isValid(token: string): boolean {
    const given = digestOf(token);
    return this.digests.map((digest) => timingSafeEqual(digest, given)).includes(true);
  }

  /** Whether whoever comes from there reads figures without one: METRICS_ALLOW_FROM. */
  isScraper(address: string): boolean {
    return this.scrapers.has(address);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
