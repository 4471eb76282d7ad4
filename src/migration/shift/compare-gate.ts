import { type CompareReport, compareStores } from '../compare/index.js';
import { fails, type GateInput, type GateResult, passed, waits } from './gate.js';

/** A comparison reads both stores: not more often. */
const PAUSE_MS = 60_000;
/** Younger posts can still be on their way. It is the horizon of `compare` with its default lag. */
const HORIZON_MS = 50_000;
const MAX_RANGE_MS = 3_600_000;

/** The gate that compares what both servers have stored since the phase began, at most the last hour. */
export class CompareGate {
  private last: { readonly atMs: number; readonly result: GateResult } | null = null;

  constructor(private readonly phaseSinceMs: () => number) {}

  async check(input: GateInput): Promise<GateResult> {
    const nowMs = Date.now();
    if (this.last !== null && (this.last.result.state === 'ok' || nowMs - this.last.atMs < PAUSE_MS))
      return this.last.result;
    const toMs = nowMs - HORIZON_MS;
    const fromMs = Math.max(this.phaseSinceMs(), toMs - MAX_RANGE_MS);
    if (fromMs >= toMs) return waits(`the phase is younger than ${HORIZON_MS / 1_000} s`);
    const result = await this.compare(input, fromMs, toMs);
    this.last = { atMs: Date.now(), result };
    return result;
  }

  /** A new phase is compared anew. */
  reset(): void {
    this.last = null;
  }

  private async compare(
    { io, green, settings }: GateInput,
    fromMs: number,
    toMs: number,
  ): Promise<GateResult> {
    const { oldPictures, oldTimeZone } = settings;
    try {
      const report = await compareStores(io, [
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
