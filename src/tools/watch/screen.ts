import type { Output } from '../../core/commands/index.js';

/** ECMA-48 and xterm control sequences. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const HOME = '\u001b[H';
const TO_END_OF_LINE = '\u001b[K';
const TO_END_OF_SCREEN = '\u001b[J';

/** The alternate screen of a terminal: it is drawn in place and disappears at the end. */
export class Screen {
  private last = '';

  constructor(private readonly output: Output) {}

  get columns(): number {
    return this.output.columns || 80;
  }

  get lines(): number {
    return this.output.rows || 24;
  }

  open(): void {
    this.output.write(ENTER);
  }

  /** Draws at most `this.lines` lines: one more would scroll. */
  draw(lines: readonly string[]): void {
    // No line break after the last line: it would scroll, too.
    const body = lines.slice(0, this.lines).join(`${TO_END_OF_LINE}\r\n`);
    const frame = `${HOME}${body}${TO_END_OF_LINE}${TO_END_OF_SCREEN}`;
    // After a change of the size the screen must be drawn again, even with the same text.
    const key = `${this.columns}x${this.lines}${frame}`;
    if (key === this.last) return;
    this.last = key;
    this.output.write(frame);
  }

  close(): void {
    this.output.write(LEAVE);
  }
}
