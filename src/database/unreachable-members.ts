const DEFAULT_PORT = 27_017;

/** The parts of the driver's error that are used: `reason` is a `TopologyDescription`. */
interface SelectionError {
  readonly reason?: {
    readonly setName?: string | null;
    readonly servers?: ReadonlyMap<string, { readonly error?: unknown }>;
  };
}

/**
 * Explains a failed connection to a replica set. The driver connects to the members under the addresses that the set's
 * configuration names, not under those of the URL, and its error does not contain where an address comes from.
 * @returns null when the URL names all the members that do not answer
 */
export function unreachableMembersHint(error: unknown, url: string): string | null {
  const { setName, servers } = (error as SelectionError | null)?.reason ?? {};
  if (typeof setName !== 'string' || !servers) return null;
  const silent = [...servers]
    .filter(([, { error: failure }]) => failure instanceof Error)
    .map(([address]) => address);
  const foreign = silent.filter((address) => !hostsOf(url).has(address.toLowerCase()));
  if (foreign.length === 0) return null;
  return (
    `The configuration of the replica set "${setName}" names ${foreign.join(', ')}, and this host cannot connect to it. ` +
    'Give the members addresses that their clients can reach (rs.reconfig), or set directConnection=true in MONGODB_URL.'
  );
}

function hostsOf(url: string): ReadonlySet<string> {
  const [, list = ''] = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]+)/.exec(url) ?? [];
  return new Set(
    list
      .toLowerCase()
      .split(',')
      .map((host) => (/:\d+$/.test(host) ? host : `${host}:${DEFAULT_PORT}`)),
  );
}
