import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** A time in which green did not take posts that blue took. */
export interface GreenGap {
  /** Times of the first and the last missed post, epoch milliseconds; nginx logs whole seconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly posts: number;
  /** Addresses of the boxes, at most 20. */
  readonly addresses: readonly string[];
}

/** Two missed posts with less between them belong to one gap: each box posts every second. */
const JOIN_MS = 5_000;
const MAX_ADDRESSES = 20;
/** Older gaps are left out. */
const MAX_GAPS = 1_000;

/**
 * The gaps that nginx has logged, oldest first.
 * @param log path of `samserver-mirror-failed.log`; the file before its last rotation (`.1`) is read too
 * @throws the error of the file system: a log that does not exist is no log without gaps, because nginx makes it
 */
export async function readGreenGaps(log: string): Promise<GreenGap[]> {
  const gaps: GreenGap[] = [];
  await access(log);
  for (const path of [`${log}.1`, log])
    for await (const line of linesOf(path)) {
      const post = missedPostOf(line);
      if (post) addPost(gaps, post);
    }
  return gaps;
}

interface MissedPost {
  readonly atMs: number;
  readonly address: string;
}

function addPost(gaps: GreenGap[], { atMs, address }: MissedPost): void {
  const last = gaps.at(-1);
  if (!last || atMs - last.toMs > JOIN_MS) {
    gaps.push({ fromMs: atMs, toMs: atMs, posts: 1, addresses: [address] });
    if (gaps.length > MAX_GAPS) gaps.shift();
    return;
  }
  const isNew = !last.addresses.includes(address) && last.addresses.length < MAX_ADDRESSES;
  gaps[gaps.length - 1] = {
    // nginx writes a line at the end of a request: lines of two workers can be in another order.
    fromMs: Math.min(last.fromMs, atMs),
    toMs: Math.max(last.toMs, atMs),
    posts: last.posts + 1,
    addresses: isNew ? [...last.addresses, address] : last.addresses,
  };
}

/** Null for a line that is cut or of another format. */
function missedPostOf(line: string): MissedPost | null {
  try {
    const { time, address } = JSON.parse(line) as { readonly time?: unknown; readonly address?: unknown };
    const atMs = Date.parse(String(time));
    return Number.isNaN(atMs) ? null : { atMs, address: String(address) };
  } catch {
    return null;
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, 'utf8');
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    input.destroy();
  }
}
