/** How far a run is: one block that is written over on a terminal, a line every two seconds elsewhere. */
import { type Output, printable } from '../client/index.js';
import type { LatencyHistogram } from './latency-histogram.js';
import type { Tally } from './tally.js';

export interface DriveProgress {
  readonly name: string;
  /** Absent: without end. */
  readonly total?: number;
  readonly tally: Tally;
}

const BAR_WIDTH = 24;
const NAME_WIDTH = 28;
/** More bars than this would scroll; the total says enough then. */
const MAX_BARS = 12;

export class Progress {
  private timer?: NodeJS.Timeout;
  private drawnLines = 0;
  private lastAcknowledged = 0;
  private lastAtMs = performance.now();
  private readonly startedAtMs = performance.now();

  constructor(
    private readonly output: Output,
    private readonly drives: readonly DriveProgress[],
    private readonly latencies: LatencyHistogram,
  ) {}

  start(): void {
    const draw = this.output.isTTY ? () => this.redraw() : () => this.output.write(`${this.totalLine()}\n`);
    this.timer = setInterval(draw, this.output.isTTY ? 250 : 2000);
  }

  /** Leaves nothing of the block behind. */
  stop(): void {
    clearInterval(this.timer);
    this.erase();
  }

  private redraw(): void {
    // A line that wraps would count as two when it is written over.
    const width = (this.output.columns ?? 80) - 1;
    const bars = this.drives.length <= MAX_BARS ? this.drives.map((drive) => barLine(drive)) : [];
    const lines = [...bars, this.totalLine()].map((line) => line.slice(0, width));
    this.erase();
    this.output.write(lines.map((line) => `${line}\n`).join(''));
    this.drawnLines = lines.length;
  }

  private erase(): void {
    if (this.drawnLines > 0) this.output.write(`\u001b[${this.drawnLines}A\u001b[J`);
    this.drawnLines = 0;
  }

  private totalLine(): string {
    const nowMs = performance.now();
    const acknowledged = this.drives.reduce((count, { tally }) => count + tally.acknowledged, 0);
    const sent = this.drives.reduce((count, { tally }) => count + tally.sent, 0);
    const rate = ((acknowledged - this.lastAcknowledged) / Math.max(1, nowMs - this.lastAtMs)) * 1000;
    this.lastAcknowledged = acknowledged;
    this.lastAtMs = nowMs;
    const [p50, p95] = [0.5, 0.95].map((share) => this.latencies.percentileMs(share).toFixed(1));
    const seconds = Math.round((nowMs - this.startedAtMs) / 1000);
    return `${seconds} s: ${sent} sent, ${acknowledged} acknowledged, ${Math.round(rate)} fixes/s, ack p50 ${p50} ms, p95 ${p95} ms`;
  }
}

function barLine({ name, total, tally }: DriveProgress): string {
  const label = printable(name).slice(0, NAME_WIDTH).padEnd(NAME_WIDTH);
  if (total === undefined) return `${label} ${tally.acknowledged}`;
  const filled = Math.round((tally.acknowledged / total) * BAR_WIDTH);
  return `${label} [${'#'.repeat(filled).padEnd(BAR_WIDTH, '.')}] ${tally.acknowledged}/${total}`;
}
