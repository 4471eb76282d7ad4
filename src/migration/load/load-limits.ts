import { setMaxListeners } from 'node:events';
import type { RunRecords } from './run-records.js';

const LOOK_EVERY_MS = 250;

/** Ends a load that uses more of this machine than it may. */
export class LoadLimits {
  /** Aborted by the first limit or by an interruption. */
  readonly signal: AbortSignal;
  private readonly end = new AbortController();
  private timer?: NodeJS.Timeout;
  private reason: string | null = null;

  constructor(
    private readonly records: RunRecords,
    private readonly maxMemoryMb: number,
    interrupt: AbortSignal,
  ) {
    this.signal = AbortSignal.any([interrupt, this.end.signal]);
    // Each sender adds a listener.
    setMaxListeners(0, this.signal);
  }

  /** The limit that ended the load; null: none. */
  get reached(): string | null {
    return this.reason;
  }

  start(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const usedMb = process.memoryUsage.rss() / 1e6;
    if (usedMb > this.maxMemoryMb)
      this.reach(`the process uses ${usedMb.toFixed(0)} MB, more than --max-memory ${this.maxMemoryMb}`);
    if (this.records.isFull) this.reach('the disk is too slow for --ledger');
  }

  private reach(reason: string): void {
    this.reason ??= reason;
    this.end.abort();
  }
}
