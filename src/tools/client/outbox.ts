/** Fixes waiting for their acknowledgement, in the order in which they were given. */
import type { PositionInput } from '../../core/index.js';

export interface OutboxEntry<T> {
  readonly sequence: number;
  readonly position: PositionInput;
  readonly sizeBytes: number;
  /** How often it was put on the wire. */
  attempts: number;
  readonly settle: (outcome: T) => void;
  readonly fail: (error: Error) => void;
}

/** A position without attributes is under this as JSON. */
const PLAIN_POSITION_BYTES = 300;

/**
 * Half of Socket.IO's default frame limit (1 MB): a larger frame is answered by a closed transport, and sending
 * the same batch again would close it for ever.
 */
export const MAX_BATCH_BYTES = 500_000;

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

  /** The oldest ones, at most `limit` and as many as one frame carries; always one when there is one. */
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

  /** Puts unacknowledged ones back where they were. */
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
