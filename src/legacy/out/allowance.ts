/** So many at once, and so many more each second; what is not used is saved up to the first number again. */
export class Allowance {
  private left: number;

  constructor(
    private readonly most: number,
    private readonly perSecond: number,
    private lastMs: number,
  ) {
    this.left = most;
  }

  /** True: it may be done, and counts. */
  take(nowMs: number): boolean {
    const elapsedS = Math.max(0, nowMs - this.lastMs) / 1_000;
    this.left = Math.min(this.most, this.left + elapsedS * this.perSecond);
    this.lastMs = nowMs;
    if (this.left < 1) return false;
    this.left -= 1;
    return true;
  }
}
