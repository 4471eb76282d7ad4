import type { PositionReport } from '../common/index.js';
import type { RecordedPosition } from './position-feed.js';
import { faultOf, isPlausible, type PositionLimits, rowAround } from './position-rules.js';
import { isSamePlace } from './stored-position.js';
import type { TrackMemory } from './track-memory.js';
import type { Judgement, QuarantineCode } from './verdict.js';

/** What was held back in storage under this very vehicle, time and place. */
export type HeldCode = (report: PositionReport) => QuarantineCode | null;

export interface TrackJudgement {
  /** One for each report, in their order. */
  readonly judgements: readonly Judgement[];
  /** Fixes that were held as jumps before and are believed now. */
  readonly released: readonly RecordedPosition[];
}

/**
 * Judges some reports of one vehicle against its track.
 * @param reports ascending by time
 */
export async function judgeTrack(
  reports: readonly PositionReport[],
  memory: TrackMemory,
  heldCode: HeldCode,
  limits: PositionLimits,
): Promise<TrackJudgement> {
  const judgements: Judgement[] = [];
  const released: RecordedPosition[] = [];
  for (const report of reports) judgements.push(await judgeOne(report));
  return { judgements, released };

  async function judgeOne(report: PositionReport): Promise<Judgement> {
    const same = memory.at(report.timeMs);
    // Stored first: a fix that was released after all is a duplicate, whatever was said of it before.
    if (same && isSamePlace(same, report)) return { verdict: 'duplicate' };
    // The same verdict as before, also when the clock has since made a `future` fix look possible.
    const code = heldCode(report) ?? faultOf(report, limits) ?? (same ? 'time_conflict' : null);
    if (code !== null) return quarantined(report, code);

    const before = await memory.before(report.timeMs);
    if (before && !isPlausible(before, report, limits)) return judgeJump(report);
    return stored(report);
  }

  /** A jump, unless it completes a row of jumps: then all of the row are believed. */
  async function judgeJump(report: PositionReport): Promise<Judgement> {
    const around = await memory.jumpsAround(report.timeMs);
    const others = around.filter((jump) => jump.timeMs !== report.timeMs);
    const jumps = [...others, report].sort((a, b) => a.timeMs - b.timeMs);
    const row = rowAround(jumps, jumps.indexOf(report), limits).flatMap((index) => jumps[index] ?? []);
    if (row.length === 0) return quarantined(report, 'jump');
    for (const jump of row) if (jump !== report) release(jump);
    return stored(report);
  }

  function release(jump: PositionReport): void {
    memory.believe(jump);
    const here = reports.findIndex((report, index) => report === jump && index < judgements.length);
    // Held a moment ago in this same group: nothing of it is in storage yet.
    if (here >= 0) judgements[here] = { verdict: 'stored', late: memory.isLate(jump) };
    else released.push({ position: jump, late: memory.isLate(jump) });
  }

  function stored(report: PositionReport): Judgement {
    memory.believe(report);
    return { verdict: 'stored', late: memory.isLate(report) };
  }

  function quarantined(report: PositionReport, code: QuarantineCode): Judgement {
    if (code === 'jump') memory.holdJump(report);
    return { verdict: 'quarantined', code };
  }
}
