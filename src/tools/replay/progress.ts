import { printable } from '../../core/commands/index.js';
import type { LatencyHistogram } from './latency-histogram.js';
import type { Tally } from './tally.js';

interface DriveProgress {
  readonly name: string;
  /** Absent: without end. */
  readonly total?: number;
  readonly tally: Tally;
}

/** Interval between two lines when the output is no terminal. */
export const PROGRESS_LINE_INTERVAL_MS = 2_000;
const BAR_WIDTH = 24;
const NAME_WIDTH = 28;
/** More bars would scroll; then only the total is shown. */
const MAX_BARS = 12;

/** Formats the progress of a run: one bar for each drive, and the total as the last line. */
export class ReplayProgress {
  private lastAcknowledged = 0;
  private lastAtMs = performance.now();
  private readonly startedAtMs = performance.now();

  constructor(
    private readonly drives: readonly DriveProgress[],
    private readonly latencies: LatencyHistogram,
  ) {}

  /** Call it once for each drawing: the rate is that since the last call. */
  lines(): string[] {
    const bars = this.drives.length <= MAX_BARS ? this.drives.map((drive) => barLine(drive)) : [];
    return [...bars, this.totalLine()];
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
