import type { Position } from '../../core/index.js';
import type { RecordedPosition } from '../recorded-position.js';
import {
  quarantineReason,
  isPlausible,
  type PositionLimits,
  plausibleSequenceAround,
} from './position-rules.js';
import { isSamePlace } from '../stored-position.js';
import type { TrackContext } from './track-context.js';
import type { ValidationResult, QuarantineCode } from '../verdict.js';

/** What was held back in storage under this very vehicle, time and place. */
export type HeldCode = (report: Position) => QuarantineCode | null;

export interface TrackValidation {
  /** One for each report, in their order. */
  readonly validationResults: readonly ValidationResult[];
  /** Fixes that were held as jumps before and are accepted now. */
  readonly released: readonly RecordedPosition[];
}

/**
 * Judges some reports of one vehicle against its track.
 * @param reports ascending by time
 */
export async function validateTrack(
  reports: readonly Position[],
  context: TrackContext,
  heldCode: HeldCode,
  limits: PositionLimits,
): Promise<TrackValidation> {
  const validationResults: ValidationResult[] = [];
  const released: RecordedPosition[] = [];
  for (const report of reports) validationResults.push(await validateOne(report));
  return { validationResults, released };

  async function validateOne(report: Position): Promise<ValidationResult> {
    const same = context.at(report.timeMs);
    // Stored first: a fix that was released after all is a duplicate, whatever was said of it before.
    if (same && isSamePlace(same, report)) return { verdict: 'duplicate' };
    // The same verdict as before, also when the clock has since made a `future` fix look possible.
    const code = heldCode(report) ?? quarantineReason(report, limits) ?? (same ? 'time_conflict' : null);
    if (code !== null) return quarantined(report, code);

    const before = await context.before(report.timeMs);
    if (before && !isPlausible(before, report, limits)) return validateJump(report);
    return stored(report);
  }

  /** A jump, unless it completes a row of jumps: then all of the row are accepted. */
  async function validateJump(report: Position): Promise<ValidationResult> {
    const around = await context.jumpsAround(report.timeMs);
    const others = around.filter((jump) => jump.timeMs !== report.timeMs);
    const jumps = [...others, report].sort((a, b) => a.timeMs - b.timeMs);
    const row = plausibleSequenceAround(jumps, jumps.indexOf(report), limits).flatMap(
      (index) => jumps[index] ?? [],
    );
    if (row.length === 0) return quarantined(report, 'jump');
    for (const jump of row) if (jump !== report) release(jump);
    return stored(report);
  }

  function release(jump: Position): void {
    context.accept(jump);
    const here = reports.findIndex((report, index) => report === jump && index < validationResults.length);
    // Held a moment ago in this same group: nothing of it is in storage yet.
    if (here >= 0) validationResults[here] = { verdict: 'stored', late: context.isLate(jump) };
    else released.push({ position: jump, late: context.isLate(jump) });
  }

  function stored(report: Position): ValidationResult {
    context.accept(report);
    return { verdict: 'stored', late: context.isLate(report) };
  }

  function quarantined(report: Position, code: QuarantineCode): ValidationResult {
    if (code === 'jump') context.holdJump(report);
    return { verdict: 'quarantined', code };
  }
}
