import type { Color } from './front-door-log.js';
import { type ColorFigures, LIMITS } from './analysis.js';

/** One post or probe with its result. */
export interface Sample {
  readonly atMs: number;
  readonly isGood: boolean;
  readonly ms: number;
  readonly isSynthetic: boolean;
}

/** Of one color. The fleet has 40 posts a second; at a higher rate the window becomes shorter. */
const MAX_SAMPLES = 20_000;

/** The posts and frames of both colors in the last `windowMs`. */
export class SampleWindow {
  private readonly samples: Record<Color, Sample[]> = { blue: [], green: [] };
  private readonly frameTimes: Record<Color, number[]> = { blue: [], green: [] };

  constructor(private readonly windowMs: number) {}

  add(color: Color, sample: Sample): void {
    this.samples[color].push(sample);
    if (this.samples[color].length > MAX_SAMPLES) this.samples[color].shift();
  }

  addFrame(color: Color, atMs: number): void {
    this.frameTimes[color].push(atMs);
    if (this.frameTimes[color].length > MAX_SAMPLES) this.frameTimes[color].shift();
  }

  /** Begins again. */
  clear(): void {
    for (const color of ['blue', 'green'] as const) {
      this.samples[color] = [];
      this.frameTimes[color] = [];
    }
  }

  /**
   * @param framesSinceMs frames count from then on: since the test panels of both colors are in their rooms, because one that
   *   came back later has got fewer; null: a panel is not there
   */
  figures(color: Color, nowMs: number, framesSinceMs: number | null): ColorFigures {
    const fromMs = nowMs - this.windowMs;
    const samples = (this.samples[color] = this.samples[color].filter(({ atMs }) => atMs >= fromMs));
    const frames = (this.frameTimes[color] = this.frameTimes[color].filter((atMs) => atMs >= fromMs));
    // A post without an answer is an error and no latency.
    const times = samples.flatMap(({ isGood, ms }) => (isGood ? [ms] : [])).sort((a, b) => a - b);
    /** Different seconds: one stall is in one or two of them. */
    const secondsWith = (isFault: (sample: Sample) => boolean): number =>
      new Set(samples.filter(isFault).map(({ atMs }) => Math.floor(atMs / 1_000))).size;
    const isSlow = ({ isGood, ms }: Sample): boolean => isGood && ms > LIMITS.p99Ms;
    const percentile = (share: number): number =>
      Math.round((times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0) * 10) / 10;
    return {
      posts: samples.length,
      synthetic: samples.filter(({ isSynthetic }) => isSynthetic).length,
      errors: samples.filter(({ isGood }) => !isGood).length,
      errorSeconds: secondsWith(({ isGood }) => !isGood),
      slow: samples.filter(isSlow).length,
      slowSeconds: secondsWith(isSlow),
      p50Ms: percentile(0.5),
      p99Ms: percentile(0.99),
      frames: framesSinceMs === null ? null : frames.filter((atMs) => atMs >= framesSinceMs).length,
    };
  }
}
