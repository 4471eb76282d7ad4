import { setTimeout as sleep } from 'node:timers/promises';
import type { Writable } from 'node:stream';
import { levels, symbols } from 'pino';

const FATAL = levels.values['fatal'] ?? Infinity;

/**
 * Writes log lines to stdout without ever waiting for its reader. A pipe is written at once while the reader keeps up, so
 * the last line before an exit is not lost. While the reader stalls (a full pipe, a blocked log driver), lines wait in
 * memory up to a limit; further ones are dropped and counted.
 *
 * Not pino's `destination({ sync: false })`: it writes on a thread of libuv, which blocks in the full pipe, and the exit
 * of the process waits for this thread for ever.
 */
export class LogStream {
  /** Makes pino set `lastLevel` before each line. */
  readonly [symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  private isDropping = false;
  private droppedSinceNotice = 0;
  private totalDropped = 0;
  /** The lines of `writeTogether` so far; null outside of it. */
  private joined: string | null = null;

  /** Called when lines are accepted again, with the number of dropped lines. It may write. */
  onRecovered: (droppedLines: number) => void = () => undefined;

  /**
   * @param out a stream that buffers instead of blocking, as `process.stdout` does for a pipe
   * @param maxWaiting limit of the waiting lines, bytes
   */
  constructor(
    private readonly out: Writable,
    private readonly maxWaiting: number,
  ) {
    out.on('drain', () => this.recover());
    // The reader is gone, or the disk is full: the service continues without a log.
    out.on('error', () => this.countDropped());
  }

  /** Lines dropped since the start. */
  get droppedLines(): number {
    return this.totalDropped;
  }

  write(line: string): void {
    if (this.isDropping && this.waiting <= this.maxWaiting / 2) this.recover();
    const hasRoom = !this.isDropping && this.waiting + line.length <= this.maxWaiting;
    // A fatal line is the last one, and the reason for the end of the process.
    if (hasRoom || this.lastLevel >= FATAL) {
      if (this.joined === null) this.out.write(line);
      else this.joined += line;
      return;
    }
    this.isDropping = true;
    this.countDropped();
  }

  /** Writes all lines of `work` with one call of the system, which costs more than a line. */
  writeTogether(work: () => void): void {
    this.joined = '';
    try {
      work();
    } finally {
      if (this.joined !== '') this.out.write(this.joined);
      this.joined = null;
    }
  }

  /** Waits for the reader to take all waiting lines, or for the time-out. Never throws. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.out.writableLength === 0) return;
    const written = new Promise<void>((settle) => this.out.write('', () => settle()));
    await Promise.race([written, sleep(timeoutMs, undefined, { ref: false })]);
  }

  private get waiting(): number {
    return this.out.writableLength + (this.joined?.length ?? 0);
  }

  private countDropped(): void {
    this.droppedSinceNotice += 1;
    this.totalDropped += 1;
  }

  private recover(): void {
    this.isDropping = false;
    const dropped = this.droppedSinceNotice;
    this.droppedSinceNotice = 0;
    if (dropped > 0) this.onRecovered(dropped);
  }
}
