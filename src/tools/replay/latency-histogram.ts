const SMALLEST_MS = 0.01;
const GROWTH = 1.02;

/** Percentiles of latencies in bounded memory: the buckets grow by 2 %. */
export class LatencyHistogram {
  private readonly buckets = new Map<number, number>();
  private countOfAll = 0;
  private largestMs = 0;

  add(latencyMs: number): void {
    const bucket = Math.ceil(Math.log(Math.max(latencyMs, SMALLEST_MS) / SMALLEST_MS) / Math.log(GROWTH));
    this.buckets.set(bucket, (this.buckets.get(bucket) ?? 0) + 1);
    this.countOfAll += 1;
    this.largestMs = Math.max(this.largestMs, latencyMs);
  }

  get count(): number {
    return this.countOfAll;
  }

  /** Exact. */
  get maxMs(): number {
    return this.largestMs;
  }

  /**
   * @param share 0…1
   * @returns milliseconds, at most 2 % above the true value; 0 when nothing was added
   */
  percentileMs(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.countOfAll));
    for (const bucket of [...this.buckets.keys()].sort((a, b) => a - b)) {
      left -= this.buckets.get(bucket) ?? 0;
      if (left <= 0) return Math.min(SMALLEST_MS * GROWTH ** bucket, this.largestMs);
    }
    return 0;
  }
}
