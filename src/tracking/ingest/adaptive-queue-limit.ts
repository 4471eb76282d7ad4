/** Items of one commit. A larger group adds latency and no throughput. */
export const MAX_GROUP = 1_000;
/** About 5 MB at 250 bytes each. */
const MAX_WAITING = 20_000;
/** Devices give up after 10 s and send again, and the current group comes before the queue. */
const MAX_QUEUE_TIME_MS = 3_000;
/** Throughput that is assumed until groups are measured. */
const INITIAL_RATE_PER_S = 1_000;
/** Number of groups whose throughput is averaged: a few seconds under load. */
const MEASURED_GROUPS = 8;
/** A smaller group measures the fixed cost of a write, not the throughput. */
const MIN_MEASURED_GROUP = 100;
const MIN_RETRY_MS = 1_000;

/**
 * The number of items that may wait, given the throughput of the last groups. When the wait in the queue exceeds the
 * time-out of the devices, the queue fills with positions that were sent again and never becomes shorter. Therefore new
 * positions are refused while the devices still wait for the answer.
 */
export class AdaptiveQueueLimit {
  private readonly groups: { readonly count: number; readonly tookMs: number }[] = [];

  /** A group of `count` items took `tookMs` milliseconds. */
  record(count: number, tookMs: number): void {
    if (count < MIN_MEASURED_GROUP) return;
    // The clock may have been set back: a negative time would give an infinite throughput.
    this.groups.push({ count, tookMs: Math.max(0, tookMs) });
    if (this.groups.length > MEASURED_GROUPS) this.groups.shift();
  }

  /** Items that may wait; at least one group, so that a slow writer still makes progress. */
  get limit(): number {
    return Math.round(Math.min(MAX_WAITING, Math.max(MAX_GROUP, this.ratePerMs * MAX_QUEUE_TIME_MS)));
  }

  /** Time until `waiting` items are written, milliseconds; at least 1,000. */
  retryAfterMs(waiting: number): number {
    return Math.max(MIN_RETRY_MS, Math.ceil(waiting / this.ratePerMs));
  }

  private get ratePerMs(): number {
    if (this.groups.length === 0) return INITIAL_RATE_PER_S / 1_000;
    const count = this.groups.reduce((sum, group) => sum + group.count, 0);
    const tookMs = this.groups.reduce((sum, group) => sum + group.tookMs, 0);
    return count / Math.max(1, tookMs);
  }
}
