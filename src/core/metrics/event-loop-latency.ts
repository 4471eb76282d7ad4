const SAMPLE_INTERVAL_MS = 100;
const WINDOW_SAMPLES = 600;

/**
 * How late timers come, over the last minute: what the old server's process manager called event loop latency. Ten
 * looks a second; a block of the event loop shows with its whole length.
 */
export class EventLoopLatency {
  private readonly latenessMs = new Float64Array(WINDOW_SAMPLES);
  private count = 0;
  private dueMs = performance.now() + SAMPLE_INTERVAL_MS;
  private readonly timer: NodeJS.Timeout;

  constructor() {
    this.timer = setInterval(() => this.sample(), SAMPLE_INTERVAL_MS);
    this.timer.unref();
  }

  /** NaN before the first sample. */
  get meanMs(): number {
    const kept = this.kept();
    return kept.reduce((sum, each) => sum + each, 0) / kept.length;
  }

  /** NaN before the first sample. */
  get maxMs(): number {
    return this.count === 0 ? NaN : Math.max(...this.kept());
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private sample(): void {
    const nowMs = performance.now();
    this.latenessMs[this.count % WINDOW_SAMPLES] = Math.max(0, nowMs - this.dueMs);
    this.count += 1;
    // From when it came: being late once must not make every later sample late, too.
    this.dueMs = nowMs + SAMPLE_INTERVAL_MS;
  }

  private kept(): Float64Array {
    return this.latenessMs.subarray(0, Math.min(this.count, WINDOW_SAMPLES));
  }
}
