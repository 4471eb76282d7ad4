import type { Output } from './command-io.js';

const TERMINAL_INTERVAL_MS = 250;

/**
 * Progress of a command: on a terminal a block of lines that is updated in place, elsewhere a new line at intervals.
 */
export class ProgressDisplay {
  private timer?: NodeJS.Timeout;
  private drawnLines = 0;

  /**
   * @param lines the block for a terminal; elsewhere only its last line is printed
   * @param lineIntervalMs between two lines when the output is no terminal
   */
  constructor(
    private readonly output: Output,
    private readonly lines: () => readonly string[],
    private readonly lineIntervalMs: number,
  ) {}

  start(): void {
    const { isTTY } = this.output;
    const draw = isTTY ? () => this.redraw() : () => this.output.write(`${this.lines().at(-1) ?? ''}\n`);
    this.timer = setInterval(draw, isTTY ? TERMINAL_INTERVAL_MS : this.lineIntervalMs);
    this.timer.unref();
  }

  /** Writes text above the block, which the next update draws again. */
  print(text: string): void {
    this.erase();
    this.output.write(text);
  }

  /** Removes the block from the terminal. */
  stop(): void {
    clearInterval(this.timer);
    this.erase();
  }

  private redraw(): void {
    // A line that wraps would count as two when it is written over.
    const width = (this.output.columns ?? 80) - 1;
    const lines = this.lines().map((line) => line.slice(0, width));
    this.erase();
    this.output.write(lines.map((line) => `${line}\n`).join(''));
    this.drawnLines = lines.length;
  }

  private erase(): void {
    if (this.drawnLines > 0) this.output.write(`\u001b[${this.drawnLines}A\u001b[J`);
    this.drawnLines = 0;
  }
}
