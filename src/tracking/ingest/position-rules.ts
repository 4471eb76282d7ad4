import { distanceM, type Fix, type Position } from '../../core/index.js';
import type { QuarantineCode } from '../verdict.js';

/** Every limit is a setting; the defaults are the contract's. */
export interface PositionLimits {
  /** How far a device's clock may run ahead of ours. */
  readonly maxAheadS: number;
  /** Before it no receiver of ours existed: a clock that was never set. */
  readonly oldestMs: number;
  readonly maxAccuracyM: number;
  /** Faster between two fixes is a jump; above any road vehicle and below any receiver's fault. */
  readonly maxSpeedMps: number;
  /** So many jumps in a row, each plausible from the one before, are a vehicle that really moved. */
  readonly jumpsToRelease: number;
}

/** What a fix says against itself, without looking at any other. */
export function quarantineReason(report: Position, limits: PositionLimits): QuarantineCode | null {
  if (report.timeMs - report.receivedAtMs > limits.maxAheadS * 1_000) return 'future';
  if (report.timeMs < limits.oldestMs) return 'too_old';
  if (report.accuracyM !== undefined && report.accuracyM > limits.maxAccuracyM) return 'inaccurate';
  if (report.lat === 0 && report.lon === 0) return 'null_island';
  return null;
}

/**
 * Whether a vehicle can have come from one fix to the next: both circles of accuracy are given to it, and within one
 * second no speed is computed, because receivers shake.
 */
export function isPlausible(from: Fix, to: Fix, limits: PositionLimits): boolean {
  const travelledM = distanceM(from, to) - (from.accuracyM ?? 0) - (to.accuracyM ?? 0);
  const timeS = Math.max((to.timeMs - from.timeMs) / 1_000, 1);
  return travelledM / timeS <= limits.maxSpeedMps;
}

/**
 * The rows of jumps that `index` completes: of all windows of `jumpsToRelease` around it, those in which each fix is
 * plausible from the one before.
 * @param jumps ascending by time, no two at the same time
 * @returns the indexes to be accepted; empty when there is no row
 */
export function plausibleSequenceAround(
  jumps: readonly Fix[],
  index: number,
  limits: PositionLimits,
): number[] {
  const length = limits.jumpsToRelease;
  const accepted = new Set<number>();
  for (
    let start = Math.max(0, index - length + 1);
    start <= index && start + length <= jumps.length;
    start += 1
  ) {
    const row = jumps.slice(start, start + length);
    const isRow = row.every((fix, n) => {
      const before = row[n - 1];
      return before === undefined || isPlausible(before, fix, limits);
    });
    if (isRow) row.forEach((_, n) => accepted.add(start + n));
  }
  return [...accepted].sort((a, b) => a - b);
}
