import { randomInt } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { UnavailableError, UsageError } from '../../core/commands/index.js';
import { type FrontDoorPlan, OLD_PORTS } from './front-door-plan.js';
import { COLOR_HEADER } from './nginx-include.js';
import type { Redirect } from './redirect.js';
import { redirectRules, TABLE } from './redirect-rules.js';
import type { RunProgram } from './run-program.js';

export type Reached = 'blue' | 'front-door' | 'nothing';

export interface SelfTestCheck {
  readonly name: 'this-machine' | 'container' | 'outside';
  readonly url: string;
  readonly expected: Reached;
  readonly reached: Reached;
  readonly isGood: boolean;
  /** What to do. */
  readonly advice: string;
}

/** Prints whether `GET <url>` reached the front door. A script of its own, because it runs in another network namespace. */
const PROBE = `
const request = require('node:http').get(process.argv[1], { timeout: 3000, agent: false }, (response) => {
  console.log(/^(?:blue|green)$/.test(response.headers['${COLOR_HEADER.toLowerCase()}']) ? 'front-door' : 'blue');
  process.exit();
});
request.on('timeout', () => request.destroy()).on('error', () => console.log('nothing'));`;

const ADVICE = {
  loop: 'a connection of this kind reaches nginx: what nginx sends to the old server would come back. Turn the redirect off',
  outside:
    'outside clients of the port would reach nothing: the firewall accepts the old port only, and it sees the port of nginx. Accept redirected ' +
    'connections, e.g. `iptables -I INPUT -p tcp -m conntrack --ctstate DNAT -j ACCEPT` (also ip6tables), or with nft ' +
    '`ct status dnat accept` in the input chain, or open the ports of nginx (`ufw allow 15000/tcp`)',
  closed:
    'the firewall accepts no connection from a container interface, so the test cannot separate the two ports: test from another machine',
  noNginx: 'nginx does not answer: run `samserver front-door apply` first',
  blueDown: 'the old server does not answer on this address',
} as const;

/**
 * Tests the redirect with connections from this machine, from a network namespace behind a bridge (as a container) and from one
 * behind a plain interface (as an outside client). While the redirect is off, a table for the test interface alone stands in
 * for it, so clients notice nothing. Everything is removed at the end.
 * @throws UnavailableError when namespaces or nft cannot be used; UsageError when there is no old server
 */
export async function selfTest(
  plan: FrontDoorPlan,
  run: RunProgram,
  redirect: Redirect,
): Promise<readonly SelfTestCheck[]> {
  if (plan.blue === null) throw new UsageError('blue is none: nothing is redirected any more');
  const checks: SelfTestCheck[] = [];
  const add = (name: SelfTestCheck['name'], url: string, expected: Reached, reached: Reached): void => {
    checks.push({
      name,
      url,
      expected,
      reached,
      isGood: expected === reached,
      advice: adviceFor(name, reached, checks),
    });
  };
  const isOn = (await redirect.status()).isOn === true;
  for (const host of ownAddresses())
    for (const port of Object.values(OLD_PORTS)) {
      const url = `http://${host}:${port}/`;
      const reached = await probe(run, [], url);
      // The old server can listen on some of the addresses only.
      if (reached !== 'nothing' || host === '127.0.0.1') add('this-machine', url, 'blue', reached);
    }
  const id = randomInt(4_096, 65_536).toString(16);
  const network = `198.18.${randomInt(256)}`;
  const outside = {
    namespace: `samout-${id}`,
    link: `samout${id}`,
    host: `${network}.1`,
    peer: `${network}.2`,
  };
  const container = {
    namespace: `samctr-${id}`,
    link: `br-sam${id}`,
    host: `${network}.5`,
    peer: `${network}.6`,
  };
  try {
    await must(run, 'ip', ['link', 'add', container.link, 'type', 'bridge']);
    await addNamespace(run, container, `vethsam${id}`);
    await addNamespace(run, outside, null);
    if (!isOn) await redirect.nft(['-f', '-'], redirectRules(plan, outside.link));
    for (const [name, { namespace, host }] of Object.entries({ container, outside }))
      for (const port of Object.values(OLD_PORTS)) {
        const url = `http://${host}:${port}/`;
        const reached = await probe(run, ['ip', 'netns', 'exec', namespace], url);
        const expected = name === 'container' ? 'blue' : 'front-door';
        add(name as SelfTestCheck['name'], url, expected, reached);
      }
  } finally {
    const table = `${TABLE}_${outside.link}`;
    await run('nft', ['-f', '-'], { input: `add table inet ${table}\ndelete table inet ${table}\n` });
    // The interfaces of a namespace go with it; a bridge stays.
    for (const { namespace } of [outside, container]) await run('ip', ['netns', 'del', namespace]);
    for (const link of [outside.link, `vethsam${id}`, container.link]) await run('ip', ['link', 'del', link]);
  }
  return checks;
}

/** @param checks those before this one: those of the container show whether the firewall accepts the old port at all */
function adviceFor(name: SelfTestCheck['name'], reached: Reached, checks: readonly SelfTestCheck[]): string {
  if (name === 'outside') {
    if (reached === 'front-door') return '';
    if (reached === 'blue') return ADVICE.noNginx;
    return checks.some((each) => each.name === 'container' && each.isGood) ? ADVICE.outside : ADVICE.closed;
  }
  if (reached === 'front-door') return ADVICE.loop;
  if (reached === 'blue') return '';
  return name === 'container' ? ADVICE.closed : ADVICE.blueDown;
}

/** Addresses without a zone: a link-local one would need it. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const hosts = all
    .filter(({ address }) => !address.startsWith('fe80:'))
    .map(({ address, family }) => (family === 'IPv6' ? `[${address}]` : address));
  return [...new Set(['127.0.0.1', ...hosts])].slice(0, 20);
}

interface TestNamespace {
  readonly namespace: string;
  /** The interface of the host: a bridge, or one end of the pair. */
  readonly link: string;
  readonly host: string;
  readonly peer: string;
}

/** @param port the host's end of the pair when `link` is a bridge */
async function addNamespace(run: RunProgram, test: TestNamespace, port: string | null): Promise<void> {
  const { namespace, link, host, peer } = test;
  await must(run, 'ip', ['netns', 'add', namespace]);
  const hostEnd = port ?? link;
  await must(run, 'ip', ['link', 'add', hostEnd, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace]);
  if (port !== null) await must(run, 'ip', ['link', 'set', port, 'master', link, 'up']);
  await must(run, 'ip', ['address', 'add', `${host}/30`, 'dev', link]);
  await must(run, 'ip', ['link', 'set', link, 'up']);
  await must(run, 'ip', ['-n', namespace, 'address', 'add', `${peer}/30`, 'dev', 'eth0']);
  await must(run, 'ip', ['-n', namespace, 'link', 'set', 'eth0', 'up']);
}

async function must(run: RunProgram, file: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(file, args);
  if (code !== 0)
    throw new UnavailableError(`${file} ${args.join(' ')}: ${stderr.trim()} (is this root, with iproute2?)`);
}

async function probe(run: RunProgram, prefix: readonly string[], url: string): Promise<Reached> {
  const [file = '', ...args] = [...prefix, process.execPath, '-e', PROBE, url];
  const { stdout } = await run(file, args, { timeoutMs: 10_000 });
  const reached = stdout.trim();
  return reached === 'blue' || reached === 'front-door' ? reached : 'nothing';
}
