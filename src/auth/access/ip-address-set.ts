import { BlockList, isIPv4 } from 'node:net';

/** Exact IP addresses, known in all of their spellings: `::ffff:10.0.0.1` is `10.0.0.1`. */
export class IpAddressSet {
  // Despite its name only a set of addresses.
  private readonly known = new BlockList();

  constructor(addresses: readonly string[]) {
    for (const address of addresses) this.known.addAddress(withoutZone(address), familyOf(address));
  }

  has(address: string): boolean {
    return this.known.check(withoutZone(address), familyOf(address));
  }
}

/** Without the zone of a link-local address, which is a name of this machine's own. */
function withoutZone(address: string): string {
  return address.split('%')[0] ?? '';
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}
