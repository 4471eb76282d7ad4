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
   * Takes one token.
   * @param nowMs epoch milliseconds; a clock that is set back refills nothing
   * @returns false when the bucket is empty
   */
  take(nowMs: number): boolean {
    const elapsedS = Math.max(0, nowMs - this.lastMs) / 1_000;
    this.tokens = Math.min(this.capacity, this.tokens + elapsedS * this.perSecond);
    this.lastMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
