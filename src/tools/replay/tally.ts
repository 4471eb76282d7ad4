import type { Delivery } from '../client/index.js';

/** Counts the verdicts of the fixes of one drive. */
export class Tally {
  sent = 0;
  stored = 0;
  duplicate = 0;
  late = 0;
  /** Fixes stored without a faulty optional field. */
  dropped = 0;
  readonly quarantined = new Map<string, number>();
  readonly rejected = new Map<string, number>();
  /** Sent without a verdict, by error code. */
  readonly unacknowledged = new Map<string, number>();

  count(delivery: Delivery): void {
    if (delivery.late) this.late += 1;
    if (delivery.dropped !== undefined && delivery.dropped.length > 0) this.dropped += 1;
    switch (delivery.verdict) {
      case 'stored':
        this.stored += 1;
        break;
      case 'duplicate':
        this.duplicate += 1;
        break;
      case 'quarantined':
        increment(this.quarantined, delivery.code);
        break;
      case 'rejected':
        increment(this.rejected, delivery.code);
        break;
    }
  }

  fail(code: string): void {
    increment(this.unacknowledged, code);
  }

  get acknowledged(): number {
    return this.stored + this.duplicate + sum(this.quarantined) + sum(this.rejected);
  }
}

export function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

function increment(counts: Map<string, number>, code = 'unknown'): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
