import type { PositionInput } from '../../core/index.js';

export interface OutboxEntry<T> {
  readonly sequence: number;
  readonly position: PositionInput;
  readonly sizeBytes: number;
  /** Number of times it was sent. */
  attempts: number;
  readonly settle: (outcome: T) => void;
  readonly fail: (error: Error) => void;
}

/** Upper bound for a position without attributes as JSON. */
const PLAIN_POSITION_BYTES = 300;

/** Half of Socket.IO's default frame limit of 1 MB. A larger frame closes the connection, at each resend again. */
const MAX_BATCH_BYTES = 500_000;

/** Fixes that are not sent yet, in the order of `add`. */
export class Outbox<T> {
  private waiting: OutboxEntry<T>[] = [];
  private nextSequence = 0;

  get size(): number {
    return this.waiting.length;
  }

  add(position: PositionInput): Promise<T> {
    const attributes = position.attributes;
    const extraBytes = attributes === undefined ? 0 : Buffer.byteLength(JSON.stringify(attributes));
    return new Promise<T>((settle, fail) => {
      this.waiting.push({
        sequence: this.nextSequence++,
        position,
        sizeBytes: PLAIN_POSITION_BYTES + extraBytes,
        attempts: 0,
        settle,
        fail,
      });
    });
  }

  /** Removes the oldest fixes: at most `limit`, and at most MAX_BATCH_BYTES unless the first one alone is larger. */
  take(limit: number): OutboxEntry<T>[] {
    let bytes = 0;
    let count = 0;
    while (count < limit && count < this.waiting.length) {
      bytes += this.waiting[count]?.sizeBytes ?? 0;
      if (count > 0 && bytes > MAX_BATCH_BYTES) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** Puts unacknowledged fixes back at their place in the order. */
  requeue(entries: readonly OutboxEntry<T>[]): void {
    this.waiting = [...entries, ...this.waiting].sort((a, b) => a.sequence - b.sequence);
  }

  failAll(error: Error): number {
    const failed = this.waiting;
    this.waiting = [];
    for (const entry of failed) entry.fail(error);
    return failed.length;
  }
}
