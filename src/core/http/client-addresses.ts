import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { SETTINGS, type Settings } from '../../config/index.js';

/** Longer lists are not read to their end: each address costs a parse, and a client chooses the length. */
const MAX_FORWARDED_ADDRESSES = 16;

/** The IP addresses of clients, on both ports. */
@Injectable()
export class ClientAddresses {
  private readonly logger = new Logger(ClientAddresses.name);
  private readonly trustedProxies: ReadonlySet<string>;
  private isUnusedHeaderReported = false;

  constructor(@Inject(SETTINGS) settings: Pick<Settings, 'http'>) {
    this.trustedProxies = new Set(settings.http.trustProxy.map((address) => normalized(address) ?? address));
  }

  /**
   * The address of the client that sent a request: the last address of `X-Forwarded-For` that is not a trusted proxy,
   * when the connection comes from a trusted proxy; otherwise the address of the connection.
   * @returns an IP address without a port; empty when the connection is closed
   */
  of(request: Pick<IncomingMessage, 'headers' | 'socket'>): string {
    let address = normalized(request.socket.remoteAddress ?? '') ?? '';
    if (!this.trustedProxies.has(address)) {
      if (!this.isUnusedHeaderReported && 'x-forwarded-for' in request.headers)
        this.reportUnusedHeader(address);
      return address;
    }
    const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',');
    for (const given of forwarded.slice(-MAX_FORWARDED_ADDRESSES).reverse()) {
      const next = normalized(given);
      if (next === null) break;
      address = next;
      if (!this.trustedProxies.has(address)) break;
    }
    return address;
  }

  /** @param address of a connection */
  isTrustedProxy(address: string): boolean {
    return this.trustedProxies.has(normalized(address) ?? address);
  }

  /** Once: every client of a proxy that is not trusted has the proxy's address, and they share its limits. */
  private reportUnusedHeader(address: string): void {
    this.isUnusedHeaderReported = true;
    this.logger.warn(
      { address },
      'X-Forwarded-For is not used: TRUST_PROXY does not list this address. If it is a reverse proxy, all its clients count as one.',
    );
  }

  /** The network of the client that sent a request; see `ipNetwork`. */
  networkOf(request: Pick<IncomingMessage, 'headers' | 'socket'>): string {
    return ipNetwork(this.of(request));
  }
}

/**
 * An IPv4 address, or the /64 of an IPv6 address. Limits count by this key, because a client usually owns all 2^64
 * addresses of its /64.
 */
export function ipNetwork(ip: string): string {
  const address = normalized(ip) ?? ip;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = groupsOf(head);
  if (tail !== undefined) {
    const after = groupsOf(tail);
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map((group) => parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}

/**
 * One spelling of an address: without a port, brackets, a zone and the prefix of a mapped IPv4 address. Some proxies
 * write `203.0.113.9:51712` and `[2001:db8::9]:51712`.
 * @returns null for text that is not an IP address
 */
function normalized(given: string): string | null {
  const text = given.trim();
  const withoutPort = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  const address = (withoutPort.split('%')[0] ?? '').toLowerCase();
  const unmapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/.exec(address)?.[1] ?? address;
  return isIP(unmapped) === 0 ? null : unmapped;
}
