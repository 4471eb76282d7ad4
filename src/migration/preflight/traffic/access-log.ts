import { readFileEnd } from '../bounded-input.js';

const MAX_LOG_BYTES = 32_000_000;
const MAX_LINE_LENGTH = 8_000;
const MAX_ADDRESSES = 10_000;

/** Routes of the old server; the first that fits. */
const ROUTES: readonly (readonly [kind: RouteKind, prefix: string])[] = [
  ['positions', '/api/tracking/postAmbulanceTracking'],
  ['pictures', '/api/snapshot/postAmbulanceImageUpload'],
  ['crashes', '/api/crash/postAmbulanceCrashNotify'],
  ['sockets', '/socket.io/'],
  ['picture files', '/uploads/'],
  ['picture files', '//uploads/'],
];
export type RouteKind = 'positions' | 'pictures' | 'crashes' | 'sockets' | 'picture files' | 'other';

export interface RouteTraffic {
  readonly requests: number;
  /** Distinct client addresses, at most 10,000. */
  readonly addresses: number;
  /** Answers of 500 and above. */
  readonly failures: number;
}

export interface LogTraffic {
  readonly routes: Readonly<Partial<Record<RouteKind, RouteTraffic>>>;
  /** Epoch milliseconds; null: no line could be read. */
  readonly firstMs: number | null;
  readonly lastMs: number | null;
  readonly unreadableLines: number;
}

/** The end of an access log of nginx, in its format `combined`. @throws UnreadableInputError */
export async function readAccessLog(path: string): Promise<LogTraffic> {
  return countRequests((await readFileEnd(path, MAX_LOG_BYTES)).split('\n'));
}

const LINE =
  /^(?<address>[0-9a-fA-F.:]{2,45}) \S{1,200} \S{1,200} \[(?<time>[^\]]{20,40})\] "(?:[A-Z]{1,10}) (?<path>[^ ?"]{1,4000})(?=[ ?"])[^"]{0,4000}" (?<status>\d{3}) /;

export function countRequests(lines: Iterable<string>): LogTraffic {
  const counts = new Map<RouteKind, { requests: number; failures: number; addresses: Set<string> }>();
  let firstMs: number | null = null;
  let lastMs: number | null = null;
  let unreadableLines = 0;
  for (const line of lines) {
    if (line === '') continue;
    const { address, time, path, status } = LINE.exec(line.slice(0, MAX_LINE_LENGTH))?.groups ?? {};
    const timeMs = logTimeMs(time ?? '');
    if (address === undefined || path === undefined || Number.isNaN(timeMs)) {
      unreadableLines += 1;
      continue;
    }
    firstMs = Math.min(firstMs ?? timeMs, timeMs);
    lastMs = Math.max(lastMs ?? timeMs, timeMs);
    const kind = ROUTES.find(([, prefix]) => path.startsWith(prefix))?.[0] ?? 'other';
    const count = counts.get(kind) ?? { requests: 0, failures: 0, addresses: new Set<string>() };
    counts.set(kind, count);
    count.requests += 1;
    if (Number(status) >= 500) count.failures += 1;
    if (count.addresses.size < MAX_ADDRESSES) count.addresses.add(address);
  }
  const routes = Object.fromEntries(
    [...counts].map(([kind, { addresses, ...rest }]) => [kind, { ...rest, addresses: addresses.size }]),
  );
  return { routes, firstMs, lastMs, unreadableLines };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `30/Nov/2026:22:24:05 +0700` in epoch milliseconds, else NaN. */
function logTimeMs(text: string): number {
  const [, day, month = '', year, time, zone] =
    /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d\d)(?=\d\d$)/.exec(text) ?? [];
  const monthText = String(MONTHS.indexOf(month) + 1).padStart(2, '0');
  return Date.parse(`${year}-${monthText}-${day}T${time}${zone}:${text.slice(-2)}`);
}

/** Requests a minute over the time of the log. Null: the log spans less than a minute. */
export function perMinute(requests: number, { firstMs, lastMs }: LogTraffic): number | null {
  const minutes = firstMs === null || lastMs === null ? 0 : (lastMs - firstMs) / 60_000;
  return minutes < 1 ? null : requests / minutes;
}
