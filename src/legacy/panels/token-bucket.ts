/** So many at once, and so many more each second; what is not used is saved up to the first number again. */
export class TokenBucket {
  private tokens: number;

  constructor(
    private readonly capacity: number,
    private readonly perSecond: number,
    private lastMs: number,
  ) {
    this.tokens = capacity;
  }

  /** True: it may be done, and counts. */
  take(nowMs: number): boolean {
    const elapsedS = Math.max(0, nowMs - this.lastMs) / 1_000;
    this.tokens = Math.min(this.capacity, this.tokens + elapsedS * this.perSecond);
    this.lastMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
