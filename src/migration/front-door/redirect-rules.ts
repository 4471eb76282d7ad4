import { type FrontDoorPlan, OLD_PORTS } from './front-door-plan.js';

/** Our own table: removing it removes the redirect and nothing else. */
export const TABLE = 'samserver_front_door';
/** Removes the table; no error when there is none. Connections that were redirected may break then: see `HOLD_RULES`. */
export const REMOVE_RULES = `add table inet ${TABLE}; delete table inet ${TABLE}`;
const SYN = 'tcp flags & (fin|syn|rst|ack) == syn';
/** Before the rules of Docker (-100): the first NAT rule that matches counts. */
const HOOK = 'type nat hook prerouting priority -105; policy accept;';
/**
 * The table without a redirect. Where no other rule uses connections, the kernel tracks them, and translates the packets of
 * redirected ones, only while a rule like this one exists; an empty chain is not enough (measured). The table is not replaced,
 * because its connections would lose their `FORGOTTEN_AFTER_S`. One line, so that a shell and systemd can pass it as an argument.
 */
export const HOLD_RULES =
  `add table inet ${TABLE}; add chain inet ${TABLE} prerouting { ${HOOK} }; flush chain inet ${TABLE} prerouting; ` +
  `add rule inet ${TABLE} prerouting ct status dnat accept`;
/**
 * How long the kernel keeps the translation of a redirected connection after its end; by default two minutes. Where no other rule
 * uses connections, it does not see that the port of the client is used again after the table is gone. With the next redirect it
 * would then translate the packets of a direct connection by the old entry, and break it.
 */
export const FORGOTTEN_AFTER_S = 1;
export const UNIT_NAME = 'samserver-front-door.service';

/**
 * Interfaces of containers and virtual machines. Their connections stay with the old server: green's tee to blue comes from a
 * container, and through nginx it would be mirrored back to green.
 */
export const OWN_BRIDGES = ['docker*', 'br-*', 'veth*', 'podman*', 'cni*', 'virbr*', 'lxc*'] as const;

/**
 * Rules for `nft -f` (Linux 5.2 or newer), IPv4 and IPv6. They replace the rules of the table in one transaction, so that they
 * can be loaded again. Connections that exist stay where they are: only a SYN is redirected. Without this condition, a kernel that has
 * not tracked connections before takes the next packet of each connection for the first one. There is no chain for output: the
 * connections of this machine, nginx's own to blue above all, are never redirected.
 * @param onlyInterface for the self-test: the table has this name and redirects only what comes from this interface
 */
export function redirectRules(
  { ports, excludedInterfaces }: Pick<FrontDoorPlan, 'ports' | 'excludedInterfaces'>,
  onlyInterface?: string,
): string {
  const table = onlyInterface === undefined ? TABLE : `${TABLE}_${onlyInterface}`;
  const from = onlyInterface === undefined ? '' : `iifname "${onlyInterface}" `;
  const exclusions = ['lo', ...OWN_BRIDGES, ...excludedInterfaces].map(
    (name) => `        iifname "${name}" return\n`,
  );
  return `add table inet ${table}
add chain inet ${table} prerouting { ${HOOK} }
flush chain inet ${table} prerouting
add chain inet ${table} timeouts { type filter hook prerouting priority -150; policy accept; }
flush chain inet ${table} timeouts
table inet ${table} {
${forgetting('ip')}${forgetting('ip6')}    chain timeouts {
        meta nfproto ipv4 tcp dport { ${OLD_PORTS.http}, ${OLD_PORTS.sockets} } ${SYN} ct timeout set "ended_ip"
        meta nfproto ipv6 tcp dport { ${OLD_PORTS.http}, ${OLD_PORTS.sockets} } ${SYN} ct timeout set "ended_ip6"
    }
    chain prerouting {
${exclusions.join('')}        ${from}fib daddr type local tcp dport ${OLD_PORTS.http} ${SYN} counter redirect to :${ports.http}
        ${from}fib daddr type local tcp dport ${OLD_PORTS.sockets} ${SYN} counter redirect to :${ports.sockets}
    }
}
`;
}

const forgetting = (family: 'ip' | 'ip6'): string => `    ct timeout ended_${family} {
        protocol tcp
        l3proto ${family}
        policy = { time_wait : ${FORGOTTEN_AFTER_S}, close : ${FORGOTTEN_AFTER_S} }
    }
`;

/** Of the emergency in which nginx cannot be reloaded. */
export const BYPASS_TABLE = `${TABLE}_bypass`;

/**
 * Rules that take new connections of this machine (the sites of nginx) to the ports of the front door straight to the old
 * server, without nginx: for an nginx that refuses its configuration and keeps a share. Clients of the old ports reach the old
 * server without a rule. The kernel cannot translate one IP version into the other, so each version needs an address of the
 * old server.
 * @param otherLoopback the old server is on the loopback and also accepts connections on the loopback address of the other
 *   version
 */
export function bypassRules(
  { blue, ports }: Pick<FrontDoorPlan, 'blue' | 'ports'>,
  otherLoopback: boolean,
): string | null {
  if (blue === null) return null;
  const rules = (['http', 'sockets'] as const).flatMap((name) => {
    const [own, other] = isIpv6(blue[name]) ? [FAMILIES.ip6, FAMILIES.ip] : [FAMILIES.ip, FAMILIES.ip6];
    const rule = ({ family, from }: Family, to: string): string =>
      `        ${family} daddr ${from} tcp dport ${ports[name]} ${SYN} counter dnat ${family} to ${to}\n`;
    const port = blue[name].slice(blue[name].lastIndexOf(':') + 1);
    return [rule(own, blue[name]), ...(otherLoopback ? [rule(other, `${other.loopback}:${port}`)] : [])];
  });
  return bypassTable(rules.join(''));
}

interface Family {
  readonly family: 'ip' | 'ip6';
  /** Destinations of this machine's own connections to the front door. */
  readonly from: string;
  readonly loopback: string;
}
const FAMILIES = {
  ip: { family: 'ip', from: '127.0.0.0/8', loopback: '127.0.0.1' },
  ip6: { family: 'ip6', from: '::1', loopback: '[::1]' },
} as const satisfies Record<string, Family>;
const isIpv6 = (address: string): boolean => address.startsWith('[');

/** Port of the old server and loopback host of the IP version that its address does not have; null: it is on another host. */
export function otherLoopbackOf(address: string): { readonly host: string; readonly port: number } | null {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? [];
  if (host.startsWith('127.')) return { host: '::1', port: Number(port) };
  return host === '[::1]' ? { host: '127.0.0.1', port: Number(port) } : null;
}

/** The table without its rules; see `HOLD_RULES`. It stays, because sockets of panels last for hours. */
export const BYPASS_OFF_RULES = bypassTable('        ct status dnat accept\n');

function bypassTable(rules: string): string {
  return `add table inet ${BYPASS_TABLE}
delete table inet ${BYPASS_TABLE}
table inet ${BYPASS_TABLE} {
    chain output {
        type nat hook output priority -105; policy accept;
${rules}    }
}
`;
}

/**
 * A systemd unit that loads the rules at boot. The redirect exists only while nginx runs: it waits for nginx's port, and it
 * goes when nginx stops, so that clients reach the old server directly then.
 * @param rulesPath file of `redirectRules`
 */
export function bootUnit(plan: FrontDoorPlan, rulesPath: string): string {
  const { ports } = plan;
  const service = serviceOf(plan);
  return `# Generated by \`samserver front-door apply\`.
[Unit]
Description=Samserver front door: new connections to ports ${OLD_PORTS.http} and ${OLD_PORTS.sockets} go to nginx
BindsTo=${service}
# A restart of nftables.service removes all tables.
PartOf=${service} nftables.service
After=${service} nftables.service network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=/bin/bash -c 'for i in {1..60}; do (exec 3<>/dev/tcp/127.0.0.1/${ports.http}) 2>/dev/null && exit 0; sleep 1; done; exit 1'
ExecStart=/usr/sbin/nft -f ${rulesPath}
ExecStop=/usr/sbin/nft '${HOLD_RULES}'

[Install]
WantedBy=multi-user.target ${service}
`;
}

/** For a shell: removes the table of `HOLD_RULES` when no redirected connection is left. */
export function removeTableCommand({ ports }: Pick<FrontDoorPlan, 'ports'>): string {
  const redirected = `( sport = :${ports.http} or sport = :${ports.sockets} ) and ! dst 127.0.0.0/8 and ! dst [::1]`;
  return `if [ -z "$(ss -Htn '${redirected}')" ]; then sleep ${FORGOTTEN_AFTER_S + 1}; nft delete table inet ${TABLE}; else echo 'redirected connections are left; run this line again later'; fi`;
}

/** The unit that runs nginx. */
export const serviceOf = ({ container }: Pick<FrontDoorPlan, 'container'>): string =>
  container === null ? 'nginx.service' : 'docker.service';
