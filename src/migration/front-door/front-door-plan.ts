import { isIP } from 'node:net';
import { UsageError } from '../../core/commands/index.js';

/** Ports that the clients of the old server use. */
export const OLD_PORTS = { http: 5_000, sockets: 5_050 } as const;

/** `one`: the boxes of `boxAddresses`; `half`: these and half of all other addresses. */
export const SHARES = ['none', 'one', 'half', 'all'] as const;
export type Share = (typeof SHARES)[number];

/** Addresses of one server, `<IP>:<port>` each: nginx refuses a whole configuration with a name that does not resolve. */
export interface ColorAddresses {
  readonly http: string;
  readonly sockets: string;
}

/** Everything that decides what nginx does with the clients of the old server. */
export interface FrontDoorPlan {
  /** The old server; null when it is stopped for good. */
  readonly blue: ColorAddresses | null;
  /** Samserver. */
  readonly green: ColorAddresses | null;
  /** Green's share of the boxes' posts, by client address. */
  readonly share: Share;
  /** Client addresses or networks whose posts go to green, from green's own records. */
  readonly boxAddresses: readonly string[];
  /** Client addresses or networks whose other requests and sockets go to green: the named test panels. */
  readonly panelAddresses: readonly string[];
  /** Posts for blue are also sent to green, marked with the mirror secret. */
  readonly isMirrorOn: boolean;
  /** A request goes to the other color when its own color refuses the connection. */
  readonly isFallbackOn: boolean;
  /** nginx listens on the old ports itself: only when the old server is stopped. */
  readonly listensOnOldPorts: boolean;
  /** Ports that nginx listens on. `status` is on the loopback only. */
  readonly ports: { readonly http: number; readonly sockets: number; readonly status: number };
  readonly hasIpv6: boolean;
  /** New connections to the old ports go to nginx; see `redirect-rules.ts`. */
  readonly isRedirectOn: boolean;
  /** Interfaces whose connections are not redirected, in addition to those of containers. `*` at the end: all that begin so. */
  readonly excludedInterfaces: readonly string[];
  /** Directory of the include and of the secret. A container has it at the same path. */
  readonly directory: string;
  /** For bodies over 128 kB. nginx creates it, its parent must exist. */
  readonly spoolDirectory: string;
  readonly logDirectory: string;
  /** Name of the container of nginx, which is in the network of the host; null: the nginx of the host. */
  readonly container: string | null;
}

export const DEFAULT_PLAN: FrontDoorPlan = {
  blue: { http: '127.0.0.1:5000', sockets: '127.0.0.1:5050' },
  green: { http: '127.0.0.1:5200', sockets: '127.0.0.1:5250' },
  share: 'none',
  boxAddresses: [],
  panelAddresses: [],
  isMirrorOn: false,
  isFallbackOn: true,
  listensOnOldPorts: false,
  ports: { http: 15_000, sockets: 15_050, status: 15_001 },
  hasIpv6: true,
  isRedirectOn: false,
  excludedInterfaces: [],
  directory: '/etc/samserver/front-door',
  spoolDirectory: '/var/lib/samserver-front-door',
  logDirectory: '/var/log/nginx',
  container: null,
};

const MAX_ADDRESSES = 1_000;

/** The plan of an emergency: blue takes everything, and green gets nothing, not even a refused request. */
export function blueOnly(plan: FrontDoorPlan): FrontDoorPlan {
  return {
    ...plan,
    share: 'none',
    panelAddresses: [],
    isMirrorOn: false,
    isFallbackOn: false,
    listensOnOldPorts: false,
    isRedirectOn: false,
  };
}

/** @throws UsageError with the field and the limit */
export function assertPlan(plan: FrontDoorPlan): void {
  const { blue, green, share, boxAddresses, panelAddresses, ports } = plan;
  for (const [name, color] of Object.entries({ blue, green }))
    for (const address of color === null ? [] : [color.http, color.sockets])
      if (!isIpAndPort(address))
        throw new UsageError(`${name}: "${address}" is not <IP>:<port>; a host name is not accepted`);
  if (blue === null && green === null) throw new UsageError('blue and green: at least one is needed');
  if (green === null && (share !== 'none' || plan.isMirrorOn || panelAddresses.length > 0))
    throw new UsageError('green: is needed for a share, for the mirror and for test panels');
  if (blue === null && share !== 'all') throw new UsageError('share: must be all when blue is none');
  if (blue === null && plan.isMirrorOn) throw new UsageError('mirror: must be off when blue is none');
  if (blue !== null && plan.listensOnOldPorts)
    throw new UsageError('own-ports: must be off while blue uses them (use it with blue none)');
  if (plan.listensOnOldPorts && plan.isRedirectOn)
    throw new UsageError('redirect: must be off when nginx listens on the old ports itself');
  if (share === 'one' && boxAddresses.length === 0)
    throw new UsageError('box-addresses: at least one is needed for the share "one"');
  for (const [name, list] of Object.entries({ 'box-addresses': boxAddresses, panels: panelAddresses })) {
    if (list.length > MAX_ADDRESSES)
      throw new UsageError(`${name}: ${list.length} addresses, at most ${MAX_ADDRESSES} are accepted`);
    for (const address of list)
      if (!isAddressOrNetwork(address))
        throw new UsageError(`${name}: "${address}" is neither an address nor <address>/<prefix length>`);
  }
  for (const name of plan.excludedInterfaces)
    if (!/^[\w.@-]{1,15}\*?$/.test(name))
      throw new UsageError(`exclude-interfaces: "${name}" is not the name of an interface`);
  const own = [ports.http, ports.sockets, ports.status];
  if (new Set([...own, OLD_PORTS.http, OLD_PORTS.sockets]).size < own.length + 2)
    throw new UsageError('ports: must be three different ports, and not 5000 or 5050');
  for (const [name, path] of Object.entries({
    directory: plan.directory,
    spool: plan.spoolDirectory,
    logs: plan.logDirectory,
  }))
    // These paths are in configuration files of nginx, nft and systemd.
    if (!/^\/[\w./-]{1,200}$/.test(path))
      throw new UsageError(`${name}: must be an absolute path of letters, digits, ".", "_" and "-"`);
  if (plan.container !== null && !/^[\w.-]{1,128}$/.test(plan.container))
    throw new UsageError('container: must be a container name');
}

function isIpAndPort(text: string): boolean {
  const [, v6, v4, port] = /^(?:\[([0-9a-f:.]+)\]|([\d.]+)):(\d{1,5})$/i.exec(text) ?? [];
  return (isIP(v6 ?? '') === 6 || isIP(v4 ?? '') === 4) && Number(port) >= 1 && Number(port) <= 65_535;
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', prefix, ...more] = text.split('/');
  // A zone (`fe80::1%eth0`) is valid for Node and not for nginx.
  const family = address.includes('%') ? 0 : isIP(address);
  const isPrefix =
    prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
  return family !== 0 && isPrefix && more.length === 0;
}
