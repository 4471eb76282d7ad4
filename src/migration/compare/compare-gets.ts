import { setTimeout as sleep } from 'node:timers/promises';
import { LatencyHistogram } from '../../tools/replay/index.js';
import type { LoggedGet } from './access-log.js';
import { type Finding, type Side, SIDES } from './compared-item.js';
import type { FindingsLog } from './findings-log.js';
import { sha256Of } from './stored-items.js';

const TIME_LIMIT_MS = 10_000;
const MAX_BODY_BYTES = 5_000_000;
const MAX_TEXT = 200;

export interface GetsToCompare {
  readonly urls: Readonly<Record<Side, string>>;
  readonly gets: readonly LoggedGet[];
  /** Requests a second to each side. */
  readonly ratePerS: number;
  /** JSON fields, at any depth, that are not compared. */
  readonly ignoredFields: readonly string[];
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number | string;
  readonly contentType: string | null;
  readonly body: string;
  readonly latencyMs: number;
}

/** Asks both servers for the same and compares the answers. Redirects are answers; no cookie and no token is sent. */
export async function compareGets(
  { urls, gets, ratePerS, ignoredFields, signal }: GetsToCompare,
  log: FindingsLog,
): Promise<Readonly<Record<Side, LatencyHistogram>>> {
  const latencies = { old: new LatencyHistogram(), samserver: new LatencyHistogram() };
  for (const get of gets) {
    if (signal.aborted) break;
    const nextAtMs = performance.now() + 1_000 / ratePerS;
    const [old, samserver] = (await Promise.all(
      SIDES.map((side) => ask(urls[side], get, ignoredFields)),
    )) as [Answer, Answer];
    latencies.old.add(old.latencyMs);
    latencies.samserver.add(samserver.latencyMs);
    const fields: Record<string, Finding['fields'][string]> = {};
    for (const name of ['status', 'contentType', 'body'] as const)
      if (old[name] !== samserver[name])
        fields[name] = { old: cut(old[name]), samserver: cut(samserver[name]) };
    if (Object.keys(fields).length === 0) log.match('get', 0);
    else
      log.add({
        ...{ kind: 'get', type: 'differs', side: 'samserver', atMs: Date.now() },
        // A query can hold a secret.
        box: `${get.method} ${get.target.replace(/\?.*$/, '?…')}`,
        fields: { status: { old: old.status, samserver: samserver.status }, ...fields },
      });
    await sleep(Math.max(0, nextAtMs - performance.now()), undefined, { signal }).catch(() => undefined);
  }
  return latencies;
}

async function ask(base: string, { method, target }: LoggedGet, ignored: readonly string[]): Promise<Answer> {
  const beganAtMs = performance.now();
  const latency = (): number => performance.now() - beganAtMs;
  try {
    // Joined as text: as a reference, `//uploads/…` would name a host.
    const response = await fetch(`${base}${target}`, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIME_LIMIT_MS),
    });
    const bytes = await readBody(response);
    const contentType = response.headers.get('content-type');
    return {
      status: response.status,
      contentType,
      body: bytes === null ? 'too large' : comparableBody(bytes, contentType, ignored),
      latencyMs: latency(),
    };
  } catch (error) {
    const reason = (error as Error).name === 'TimeoutError' ? 'time-out' : 'no answer';
    return { status: reason, contentType: null, body: '', latencyMs: latency() };
  }
}

async function readBody(response: Response): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** JSON with sorted names and without the ignored fields; a hash of anything else. */
function comparableBody(bytes: Uint8Array, contentType: string | null, ignored: readonly string[]): string {
  if (!/json/.test(contentType ?? '')) return bytes.length === 0 ? '' : `sha256 ${sha256Of(bytes)}`;
  try {
    const parsed: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return JSON.stringify(parsed, (name, value: unknown) => {
      if (ignored.includes(name)) return undefined;
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
    });
  } catch {
    return `sha256 ${sha256Of(bytes)}`;
  }
}

function cut(value: unknown): unknown {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : value;
}
