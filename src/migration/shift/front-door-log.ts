import { type FileHandle, open } from 'node:fs/promises';
import type { FrontDoorPlan } from '../front-door/index.js';

export type Color = 'blue' | 'green';

/** One attempt of nginx to send a post of a box to a color. */
export interface PostAttempt {
  readonly color: Color;
  /** Null: nginx got no answer, because the connection was refused or the client has given up. */
  readonly status: number | null;
  /** From the connection to the answer. */
  readonly ms: number;
}

/** The shortest time for which a box waits; a client that closes earlier is no fault of the server. */
const BOX_PATIENCE_MS = 1_900;
const POST_PATH = /^\/api\/(?:tracking|snapshot|crash)\/post/i;
const MAX_READ_BYTES = 8_000_000;

/**
 * @param line of `samserver-front-door.log`
 * @returns the attempts of a post of a box; none for every other line
 */
export function attemptsOf(
  line: string,
  { blue, green }: Pick<FrontDoorPlan, 'blue' | 'green'>,
): readonly PostAttempt[] {
  let fields: Partial<Record<string, unknown>>;
  try {
    fields = JSON.parse(line) as typeof fields;
  } catch {
    return [];
  }
  if (fields['method'] !== 'POST' || !POST_PATH.test(text(fields['path']))) return [];
  const [backends, statuses, seconds] = ['backend', 'backendStatus', 'backendS'].map((name) =>
    text(fields[name]).split(/, | : /),
  ) as [string[], string[], string[]];
  return backends.flatMap((address, index): PostAttempt[] => {
    const color = colorOf(address, blue) ? 'blue' : colorOf(address, green) ? 'green' : null;
    if (color === null) return [];
    const ms = Number(seconds[index]) * 1_000;
    const status = Number(statuses[index]);
    const hasStatus = status >= 100;
    // 499 without an answer of the server: the client closed the connection.
    if (!hasStatus && fields['status'] === 499 && !(ms >= BOX_PATIENCE_MS)) return [];
    // nginx writes 502 and 504 itself: it got no answer.
    return [{ color, status: hasStatus && status !== 502 && status !== 504 ? status : null, ms: ms || 0 }];
  });
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const colorOf = (address: string, color: FrontDoorPlan['blue']): boolean =>
  color !== null && (address === color.http || address === color.sockets);

/** Reads what is added to a log from now on, also after it was rotated. */
export class LogTail {
  private file: FileHandle | null = null;
  private offset = 0;
  private rest = '';

  constructor(private readonly path: string) {}

  /** Everything that is in the log now is left out. */
  async start(): Promise<void> {
    await this.reopen();
    this.offset = (await this.file?.stat())?.size ?? 0;
  }

  /** The complete lines since the last call; none while the log does not exist. */
  async read(): Promise<readonly string[]> {
    const chunk = await this.readChunk();
    if (chunk !== '' || !(await this.isReplaced())) return this.linesOf(chunk);
    await this.reopen();
    this.offset = 0;
    return this.linesOf(await this.readChunk());
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }

  private linesOf(chunk: string): readonly string[] {
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop() ?? '';
    return lines;
  }

  private async readChunk(): Promise<string> {
    const { size = 0 } = (await this.file?.stat()) ?? {};
    if (!this.file || size <= this.offset) return '';
    const { buffer, bytesRead } = await this.file.read({
      buffer: Buffer.alloc(Math.min(size - this.offset, MAX_READ_BYTES)),
      position: this.offset,
    });
    this.offset += bytesRead;
    return buffer.toString('utf8', 0, bytesRead);
  }

  private async isReplaced(): Promise<boolean> {
    const current = await open(this.path).catch(() => null);
    if (current === null) return false;
    try {
      const [now, own] = [await current.stat(), await this.file?.stat()];
      // A log that was truncated begins again.
      return now.ino !== own?.ino || now.size < this.offset;
    } finally {
      await current.close();
    }
  }

  private async reopen(): Promise<void> {
    await this.close();
    this.rest = '';
    this.file = await open(this.path).catch(() => null);
  }
}
