import type { Output } from '../../tools/client/index.js';

const TERMINAL_EVERY_MS = 250;
const LINES_EVERY_MS = 10_000;

/** How far a command is: one line that is written over on a terminal, a plain line every ten seconds elsewhere. */
export class Progress {
  private files = 0;
  private bytes = 0;
  private drawn = false;
  private readonly startedMs = performance.now();
  private readonly timer: NodeJS.Timeout;

  /** @param total of all files, as far as it is known */
  constructor(
    private readonly output: Output,
    private readonly name: string,
    private readonly total: { readonly files: number; readonly bytes: number } | null,
  ) {
    this.timer = setInterval(() => this.draw(), output.isTTY ? TERMINAL_EVERY_MS : LINES_EVERY_MS);
    this.timer.unref();
  }

  add(bytes: number): void {
    this.files += 1;
    this.bytes += bytes;
  }

  /** Leaves nothing on a terminal behind. */
  stop(): void {
    clearInterval(this.timer);
    if (this.drawn) this.output.write('\r\u001b[K');
  }

  private draw(): void {
    const line = this.line();
    if (!this.output.isTTY) this.output.write(`${line}\n`);
    // A line that wraps could not be written over.
    else this.output.write(`\r\u001b[K${line.slice(0, (this.output.columns ?? 80) - 1)}`);
    this.drawn = this.output.isTTY === true;
  }

  private line(): string {
    const seconds = (performance.now() - this.startedMs) / 1_000;
    const rate = `${Math.round(this.files / seconds)} files/s, ${(this.bytes / 1e6 / seconds).toFixed(0)} MB/s`;
    if (!this.total) return `${this.name}: ${this.files} files, ${megabytes(this.bytes)} MB, ${rate}`;
    const share = this.total.files === 0 ? 1 : this.files / this.total.files;
    const left = share > 0 ? duration((seconds / share) * (1 - share)) : 'unknown';
    const percent = `${(share * 100).toFixed(1)} %`;
    return `${this.name}: ${this.files} of ${this.total.files} files, ${percent}, ${rate}, ${left} left`;
  }
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60)];
  return hours > 0
    ? `${hours} h ${minutes} min`
    : minutes > 0
      ? `${minutes} min ${whole % 60} s`
      : `${whole} s`;
}
