import type { StoredPosition } from '../stored-position.js';

/** A stretch of one vehicle's history: from ≤ time < to, epoch milliseconds; null for no bound. */
export interface HistoryRange {
  readonly vehicleId: string;
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly order: 'asc' | 'desc';
}

/** What is left of the range behind this fix: times are whole milliseconds, and a vehicle has one fix at each. */
export function remainingRange(
  range: HistoryRange,
  { timeMs }: Pick<StoredPosition, 'timeMs'>,
): HistoryRange {
  return range.order === 'asc' ? { ...range, fromMs: timeMs + 1 } : { ...range, toMs: timeMs };
}
