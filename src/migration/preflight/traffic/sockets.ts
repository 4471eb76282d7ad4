import { setTimeout as sleep } from 'node:timers/promises';
import { programOutput } from '../bounded-input.js';

const SS_TIMEOUT_MS = 10_000;
const MAX_SS_BYTES = 8_000_000;
const MAX_LINES = 50_000;
const SAMPLE_INTERVAL_MS = 500;
const MAX_PEERS = 1_000;

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Name and id of a process; null: only root sees those of other users. */
  readonly process: { readonly name: string; readonly pid: number } | null;
}

export interface Connection {
  readonly localPort: number;
  readonly localAddress: string;
  readonly peerAddress: string;
}

export interface SocketTools {
  readonly path: string;
  readonly signal: AbortSignal;
}

/** Listening TCP sockets of this machine. @throws UnreadableInputError */
export async function listListeners(tools: SocketTools): Promise<Listener[]> {
  return parseListeners(await ss(['-Htlnp'], tools));
}

/** What `ss -Htlnp` prints: state, two queues, local address, peer, processes. */
export function parseListeners(text: string): Listener[] {
  return fieldsOf(text).flatMap((fields) => {
    const local = endpointOf(fields[3]);
    if (!local) return [];
    const [, name, pid] = /^users:\(\("([^"]{1,100})",pid=(\d{1,9}),/.exec(fields.slice(5).join(' ')) ?? [];
    const process = name === undefined ? null : { name, pid: Number(pid) };
    return [{ ...local, process }];
  });
}

/** What `ss -Htan` prints, without listening sockets. */
export function parseConnections(text: string, ports: ReadonlySet<number>): Connection[] {
  return fieldsOf(text).flatMap(([state, , , localText, peerText]) => {
    const local = endpointOf(localText);
    const peer = endpointOf(peerText);
    if (state === 'LISTEN' || !local || !peer || !ports.has(local.port)) return [];
    return [{ localPort: local.port, localAddress: local.address, peerAddress: peer.address }];
  });
}

export interface ConnectionSample {
  /** Connections from other machines: port, then address, to the number of samples that had it. */
  readonly direct: ReadonlyMap<number, ReadonlyMap<string, number>>;
  /** Connections from this machine, which is where nginx is: distinct samples with at least one. */
  readonly localByPort: ReadonlyMap<number, number>;
  readonly samples: number;
}

/**
 * Looks at the connections to `ports` again and again. A connection that lasts shorter than half a second can be missed;
 * one that has ended stays visible in TIME-WAIT when the server closed it.
 * @throws UnreadableInputError when `ss` is missing
 */
export async function sampleConnections(
  ports: ReadonlySet<number>,
  durationMs: number,
  tools: SocketTools,
): Promise<ConnectionSample> {
  const direct = new Map<number, Map<string, number>>();
  const localByPort = new Map<number, number>();
  const endMs = performance.now() + durationMs;
  let samples = 0;
  do {
    if (samples > 0) await sleep(SAMPLE_INTERVAL_MS, undefined, { signal: tools.signal });
    addSample(parseConnections(await ss(['-Htan'], tools), ports), direct, localByPort);
    samples += 1;
  } while (performance.now() < endMs);
  return { direct, localByPort, samples };
}

function addSample(
  connections: readonly Connection[],
  direct: Map<number, Map<string, number>>,
  localByPort: Map<number, number>,
): void {
  const local = new Set<number>();
  const peers = new Map<number, Set<string>>();
  for (const { localPort, localAddress, peerAddress } of connections) {
    if (peerAddress === localAddress || isLoopback(peerAddress)) local.add(localPort);
    else (peers.get(localPort) ?? setOf(peers, localPort)).add(peerAddress);
  }
  for (const port of local) localByPort.set(port, (localByPort.get(port) ?? 0) + 1);
  for (const [port, addresses] of peers) {
    const known = direct.get(port) ?? new Map<string, number>();
    direct.set(port, known);
    for (const address of addresses) {
      if (known.has(address) || known.size < MAX_PEERS) known.set(address, (known.get(address) ?? 0) + 1);
    }
  }
}

function setOf(sets: Map<number, Set<string>>, port: number): Set<string> {
  const set = new Set<string>();
  sets.set(port, set);
  return set;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function ss(args: readonly string[], { path, signal }: SocketTools): Promise<string> {
  return programOutput('ss', args, { path, timeoutMs: SS_TIMEOUT_MS, maxBytes: MAX_SS_BYTES, signal });
}

function fieldsOf(text: string): string[][] {
  return text
    .split('\n', MAX_LINES)
    .map((line) => line.slice(0, 2_000).trim().split(/\s+/))
    .filter((fields) => fields.length >= 5);
}

/** `10.0.0.1:5000`, `[::ffff:10.0.0.1]:5000`, `*:5000`, `[fe80::1]%eth0:5000` */
function endpointOf(text: string | undefined): { address: string; port: number } | null {
  const [, host = '', port] = /^(.{1,100}):(\d{1,5}|\*)$/.exec(text ?? '') ?? [];
  if (port === undefined) return null;
  const address = host.replace(/^\[|\].*$|%.*$/g, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return { address, port: Number(port) || 0 };
}
