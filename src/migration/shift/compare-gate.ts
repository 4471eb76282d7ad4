import { type CompareReport, compareStores } from '../compare/index.js';
import { fails, type GateInput, type GateResult, passed, waits } from './gate.js';

/** A comparison reads both stores: not more often after one that was not equal. */
const PAUSE_MS = 60_000;
/** One that was equal says nothing of later posts. */
const MAX_AGE_MS = 600_000;
/** Younger posts can still be on their way. It is the horizon of `compare` with its default lag. */
const HORIZON_MS = 50_000;
const MAX_RANGE_MS = 3_600_000;

/** What makes a comparison: the command line of `samserver compare`. */
type CompareStores = typeof compareStores;

/** The gate that compares what both servers have stored since the phase began, each part of it once, at most the last hour. */
export class CompareGate {
  private last: { readonly atMs: number; readonly result: GateResult } | null = null;
  /** All posts of the phase that arrived before it are compared and equal, epoch milliseconds. */
  private equalUpToMs = -Infinity;
  private running: Promise<unknown> | null = null;

  constructor(
    private readonly phaseSinceMs: () => number,
    private readonly storesCompared: CompareStores = compareStores,
    private readonly nowMs: () => number = Date.now,
  ) {}

  async check(input: GateInput): Promise<GateResult> {
    const nowMs = this.nowMs();
    if (this.last !== null && !this.isDue(this.last, nowMs)) return this.last.result;
    const toMs = nowMs - HORIZON_MS;
    const fromMs = Math.max(this.phaseSinceMs(), this.equalUpToMs, toMs - MAX_RANGE_MS);
    if (fromMs >= toMs) return waits(`the phase is younger than ${HORIZON_MS / 1_000} s`);
    const result = await this.compare(input, fromMs, toMs);
    this.last = { atMs: this.nowMs(), result };
    if (result.state === 'ok') this.equalUpToMs = toMs;
    return result;
  }

  /**
   * Compares in the background while a phase is watched, at most every ten minutes.
   * @returns the last result when it needs an operator; else null
   */
  watch(input: GateInput): string | null {
    const isDue = this.last === null || this.nowMs() - this.last.atMs >= MAX_AGE_MS;
    if (isDue && this.running === null) this.running = this.check(input).finally(() => (this.running = null));
    return this.last?.result.state === 'fail' ? this.last.result.why : null;
  }

  /** A new phase is compared anew. */
  reset(): void {
    this.last = null;
    this.equalUpToMs = -Infinity;
  }

  /** A comparison that runs in the background. */
  async settled(): Promise<void> {
    await this.running;
  }

  private isDue({ atMs, result }: NonNullable<CompareGate['last']>, nowMs: number): boolean {
    return nowMs - atMs >= (result.state === 'ok' ? MAX_AGE_MS : PAUSE_MS);
  }

  private async compare(
    { io, green, settings }: GateInput,
    fromMs: number,
    toMs: number,
  ): Promise<GateResult> {
    const { oldPictures, oldTimeZone } = settings;
    try {
      const report = await this.storesCompared(io, [
        ...[
          '--url',
          green.url,
          '--from',
          new Date(fromMs).toISOString(),
          '--to',
          new Date(toMs).toISOString(),
        ],
        ...(oldPictures === null ? [] : ['--old-pictures', oldPictures]),
        ...(oldTimeZone === null ? [] : ['--old-time-zone', oldTimeZone]),
      ]);
      return resultOf(report);
    } catch (error) {
      return waits(`not compared: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Findings need an operator, and too little to compare needs time */
export function resultOf({ counts, problems, matched }: CompareReport): GateResult {
  const found = counts.map(({ kind, type, side, count }) => `${count} × ${kind} ${type} in ${side}`);
  if (found.length > 0) return fails(`${found.join(', ')}: run samserver compare`);
  if (problems.length > 0) return waits(problems.join('; '));
  return passed(
    `equal: ${Object.entries(matched)
      .map(([kind, count]) => `${count} × ${kind}`)
      .join(', ')}`,
  );
}
