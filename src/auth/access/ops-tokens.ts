import { Inject, Injectable } from '@nestjs/common';
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv4 } from 'node:net';
import { SETTINGS, type Settings } from '../../config/index.js';

/** OPS_TOKEN and OPS_TOKEN_PREVIOUS, in memory: operators need access most when the database is down. */
@Injectable()
export class OpsTokens {
  private readonly digests: readonly Buffer[];
  private readonly scrapers: IpAddressSet;

  constructor(@Inject(SETTINGS) private readonly settings: Settings) {
    this.digests = settings.auth.opsTokens.map(digestOf);
    this.scrapers = new IpAddressSet(settings.metrics.allowFrom);
  }

  /** Takes the same time for every token of any length. */
  isValid(token: string): boolean {
    const given = digestOf(token);
    return this.digests.map((digest) => timingSafeEqual(digest, given)).includes(true);
  }

  /** The same form of tokens, without the ops tokens. */
  excludeFrom(isToken: (token: string) => boolean): (token: string) => boolean {
    // An ops token seldom has the form of another token, so most services need no hash here.
    if (!this.settings.auth.opsTokens.some(isToken)) return isToken;
    return (token) => isToken(token) && !this.isValid(token);
  }

  /** True for an address of METRICS_ALLOW_FROM, which may read metrics without a token. */
  isScraper(address: string): boolean {
    return this.scrapers.has(address);
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Exact IP addresses in all their spellings: `::ffff:10.0.0.1` is `10.0.0.1`. */
class IpAddressSet {
  private readonly addresses = new BlockList();

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.addresses.addAddress(withoutZone(address), familyOf(address));
  }

  has(address: string): boolean {
    return this.addresses.check(withoutZone(address), familyOf(address));
  }
}

/** The zone of a link-local address has a meaning on this machine only. */
function withoutZone(address: string): string {
  return address.split('%')[0] ?? '';
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
