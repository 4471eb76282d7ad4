import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** `"GET /path?query HTTP/1.1"` anywhere in the line, as every usual format of nginx has it. */
const REQUEST = /"(GET|HEAD) (\/[!-~]{0,1999}) HTTP\/\d/;
const MAX_LINE_LENGTH = 10_000;

/** Not a page: long polling, WebSocket, and the probes and metrics of Samserver alone. */
const LEFT_OUT = [/^\/socket\.io\//, /^\/(health|ready|metrics|docs)/i, /^\/api\/v1\//i];

export interface LoggedGet {
  readonly method: 'GET' | 'HEAD';
  /** Path and query, as it was requested. */
  readonly target: string;
}

/**
 * The distinct safe requests of an access log, newest last. Other methods change something, and are left out.
 * @param limit at most so many: of more, the last ones
 */
export async function readGets(path: string, limit: number): Promise<LoggedGet[]> {
  const found = new Map<string, LoggedGet>();
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    const get = parseGet(line);
    if (!get) continue;
    const key = `${get.method} ${get.target}`;
    found.delete(key);
    found.set(key, get);
    const [oldest] = found.keys();
    if (found.size > limit && oldest !== undefined) found.delete(oldest);
  }
  return [...found.values()];
}

/** Null for a line without a safe request. */
export function parseGet(line: string): LoggedGet | null {
  const [, method, target = ''] = REQUEST.exec(line.slice(0, MAX_LINE_LENGTH)) ?? [];
  if (method !== 'GET' && method !== 'HEAD') return null;
  // The two slashes of an old picture address are part of a path here and must not become a host.
  if (LEFT_OUT.some((pattern) => pattern.test(target))) return null;
  return { method, target };
}
