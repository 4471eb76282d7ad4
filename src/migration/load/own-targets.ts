import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { UnavailableError, UsageError } from '../../core/commands/index.js';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * Refuses a load on a machine of another owner: every address of every target is a loopback address or an address of an
 * interface of this network namespace, or the user has named the host.
 * @param urls scheme, host and port
 * @param owned host names or addresses in lower case, as they are in the URLs
 * @throws UsageError that names host and address; UnavailableError for a name without an address
 */
export async function requireOwnTargets(
  urls: readonly string[],
  owned: readonly string[],
  resolve: Resolve = resolveAll,
  ownAddresses: ReadonlySet<string> = addressesHere(),
): Promise<void> {
  for (const host of new Set(urls.map((url) => hostOf(url)))) {
    if (owned.includes(host)) continue;
    for (const address of await resolve(host)) {
      if (isLoopback(address) || ownAddresses.has(address)) continue;
      throw new UsageError(
        `${host} is ${address}, which is not this machine. If the load may go there: --i-own-this ${host}`,
      );
    }
  }
}

function hostOf(url: string): string {
  return new URL(url).hostname.toLowerCase().replace(/^\[|\]$/g, '');
}

async function resolveAll(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new UnavailableError(`${host} has no address: ${(error as Error).message}`, { cause: error });
  }
}

function isLoopback(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return LOOPBACK.check(mapped, 'ipv4');
  return LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function addressesHere(): ReadonlySet<string> {
  return new Set(
    Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address)),
  );
}
