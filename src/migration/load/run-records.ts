import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { LatencyHistogram } from '../../tools/replay/index.js';
import type { Outcome, StreamKind } from './ledger.js';

/** Lines that wait for the disk. More means that the disk is too slow for the load. */
const MAX_WAITING_BYTES = 16_000_000;

/** A post and its end. Times are epoch milliseconds. */
export interface PostRecord {
  readonly kind: StreamKind;
  readonly source: string;
  readonly n: number;
  readonly dueMs: number;
  readonly sentMs: number;
  readonly outcome: Outcome;
  /** HTTP status, verdict, or the reason of a failure. */
  readonly answer: string;
  /** From the time at which it was due. */
  readonly latencyMs: number;
}

/** Latencies, counts of the run so far, and the file with a line for each post. */
export class RunRecords {
  readonly latencies = new Map<StreamKind, LatencyHistogram>();
  sent = 0;
  acknowledged = 0;
  failed = 0;
  inFlight = 0;
  /** The longest time by which a post left after it was due, milliseconds: the load's own delay. */
  maxLatenessMs = 0;
  /** Failures by reason. */
  readonly reasons = new Map<string, number>();

  private constructor(private readonly file: WriteStream | null) {}

  /** @param path null: no file @throws CommandError when the file cannot be made; it never replaces one */
  static async open(path: string | null): Promise<RunRecords> {
    if (path === null) return new RunRecords(null);
    const file = createWriteStream(path, { flags: 'wx', mode: 0o600 });
    try {
      await once(file, 'open');
    } catch (error) {
      throw new CommandError(`${path}: ${(error as Error).message}`, EXIT_CODES.IO, { cause: error });
    }
    return new RunRecords(file);
  }

  latenciesOf(kind: StreamKind): LatencyHistogram {
    const known = this.latencies.get(kind);
    if (known) return known;
    const latencies = new LatencyHistogram();
    this.latencies.set(kind, latencies);
    return latencies;
  }

  add(record: PostRecord): void {
    if (record.outcome === 'acknowledged') {
      this.acknowledged += 1;
      this.latenciesOf(record.kind).add(record.latencyMs);
    } else {
      this.failed += 1;
      const reason = `${record.outcome}: ${record.answer}`;
      if (this.reasons.size < 100 || this.reasons.has(reason))
        this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
    }
    const { dueMs, sentMs } = record;
    const times = { dueAt: new Date(dueMs).toISOString(), sentAt: new Date(sentMs).toISOString() };
    const { kind, source, n, outcome, answer } = record;
    const latencyMs = Math.round(record.latencyMs * 10) / 10;
    this.file?.write(`${JSON.stringify({ kind, source, n, ...times, outcome, answer, latencyMs })}\n`);
  }

  /** The disk does not keep up with the file. */
  get isFull(): boolean {
    return (this.file?.writableLength ?? 0) > MAX_WAITING_BYTES;
  }

  async close(): Promise<void> {
    if (!this.file) return;
    this.file.end();
    await finished(this.file);
  }
}
