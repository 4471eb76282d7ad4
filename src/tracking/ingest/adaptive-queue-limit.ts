/** Of one durable write: past this a group costs latency and wins nothing. */
export const MAX_GROUP = 1_000;
/** Waiting for a write: at 250 bytes each about 5 MB, however fast the writer is. */
const MAX_WAITING = 20_000;
/** How much work may wait: devices give up after 10 s and send again, and a group under way comes before what waits. */
const MAX_QUEUE_TIME_MS = 3_000;
/** Of the writer, until it has shown what it can do. */
const INITIAL_RATE_PER_S = 1_000;
/** The last so many count: some seconds under load. */
const MEASURED_GROUPS = 8;
/** A smaller group measures what a write costs at all, and not how many get through. */
const MIN_MEASURED_GROUP = 100;
const MIN_RETRY_MS = 1_000;

/**
 * How many positions may wait, by how many get through. A queue that is longer than its devices' patience is full of
 * fixes that were sent again meanwhile, and never gets shorter: better to refuse them while they still listen.
 */
export class AdaptiveQueueLimit {
  private readonly groups: { readonly count: number; readonly tookMs: number }[] = [];

  /** A group of so many is through. */
  note(count: number, tookMs: number): void {
    if (count < MIN_MEASURED_GROUP) return;
    // A clock that is set back meanwhile must not make it look infinitely fast for long.
    this.groups.push({ count, tookMs: Math.max(0, tookMs) });
    if (this.groups.length > MEASURED_GROUPS) this.groups.shift();
  }

  /** How many may wait; always what fits into one group, or nothing would ever get through on a bad day. */
  get limit(): number {
    return Math.round(Math.min(MAX_WAITING, Math.max(MAX_GROUP, this.perMs * MAX_QUEUE_TIME_MS)));
  }

  /** When so many will have been written. */
  retryAfterMs(waiting: number): number {
    return Math.max(MIN_RETRY_MS, Math.ceil(waiting / this.perMs));
  }

  private get perMs(): number {
    if (this.groups.length === 0) return INITIAL_RATE_PER_S / 1_000;
    const count = this.groups.reduce((sum, group) => sum + group.count, 0);
    const tookMs = this.groups.reduce((sum, group) => sum + group.tookMs, 0);
    return count / Math.max(1, tookMs);
  }
}
