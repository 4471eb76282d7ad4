/**
 * What a bucket may owe, in bursts: two that other instances accepted, and one that the bucket of a connection allows. A client
 * with one connection stays below it.
 */
export const MAX_OWED_BURSTS = 3;

/**
 * Limits a rate and allows bursts: holds at most `capacity` tokens, starts full and refills at `perSecond`. Keeps no
 * timer; the caller passes the time.
 */
export class TokenBucket {
  private tokens: number;

  /**
   * @param capacity tokens that a burst can take
   * @param perSecond tokens refilled each second
   * @param lastMs the time now, epoch milliseconds
   */
  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
    private lastMs: number,
  ) {
    this.tokens = capacity;
  }

  /**
   * Takes `count` tokens, or none.
   * @param nowMs epoch milliseconds; a clock that is set back refills nothing
   * @returns false when the bucket holds fewer tokens
   */
  take(nowMs: number, count = 1): boolean {
    this.refill(nowMs);
    if (this.tokens < count) return false;
    this.tokens -= count;
    return true;
  }

  /** Takes `count` tokens, whether it holds them or not; owes `MAX_OWED_BURSTS` times its capacity at most. */
  charge(nowMs: number, count: number): void {
    this.refill(nowMs);
    this.tokens = Math.max(this.tokens - count, -MAX_OWED_BURSTS * this.capacity);
  }

  /** Leaves at most `tokens`; a negative number is what it owes. */
  lowerTo(nowMs: number, tokens: number): void {
    this.refill(nowMs);
    this.tokens = Math.min(this.tokens, tokens);
  }

  /** Tokens after the last call; a negative number is what it owes. */
  get left(): number {
    return this.tokens;
  }

  /** Time after the last `take` until the bucket holds `count` tokens, milliseconds; Infinity when it never does. */
  waitMs(count = 1): number {
    if (count > this.capacity) return Infinity;
    return Math.max(0, Math.ceil(((count - this.tokens) / this.perSecond) * 1_000));
  }

  private refill(nowMs: number): void {
    const elapsedS = Math.max(0, nowMs - this.lastMs) / 1_000;
    this.tokens = Math.min(this.capacity, this.tokens + elapsedS * this.perSecond);
    this.lastMs = nowMs;
  }
}
