import type { GreenGap } from '../front-door/index.js';
import type { ColorFigures } from './analysis.js';
import type { MoveRecord } from './move-events.js';
import type { MovePhase } from './move-phases.js';
import { afterRecord, isVoid, type MoveState, NO_MOVE } from './move-state.js';

/** One recorded verdict with the figures of its window. Null: that color had no post. */
export interface WindowFigures {
  readonly atMs: number;
  readonly writer: string;
  /** No line is drawn from the point before, because nothing was recorded for too long. */
  readonly isAfterBreak: boolean;
  readonly blue: ColorFigures | null;
  readonly green: ColorFigures | null;
  /** Posts that green answered and has not counted; null: not recorded. */
  readonly missing: number | null;
}

export interface RollbackFigures {
  readonly at: string;
  readonly why: string;
  /** Null: it has not ended. */
  readonly durationMs: number | null;
}

/** What the journal says of its last move. */
export interface MoveFigures {
  readonly state: MoveState;
  readonly earlierMoves: number;
  readonly records: readonly MoveRecord[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly phases: readonly { readonly phase: MovePhase; readonly fromMs: number; readonly toMs: number }[];
  readonly windows: readonly WindowFigures[];
  readonly rollbacks: readonly RollbackFigures[];
  /** Time in which a command watched, by its recorded verdicts. */
  readonly watchedMs: number;
  /** Time that the windows of the recorded verdicts cover. */
  readonly sampledMs: number;
  /** Duration of the steps up to `done`, without the waiting for gates. */
  readonly stepsMs: number;
}

/** Within the first hour of a phase a verdict is recorded every minute, later every ten minutes. */
const LATE_AFTER_MS = 3_600_000;
const BREAK_MS = 90_000;
const LATE_BREAK_MS = 660_000;

/** @returns null without a move */
export function moveFigures(all: readonly MoveRecord[], nowMs: number): MoveFigures | null {
  const valid: MoveRecord[] = [];
  let state = NO_MOVE;
  for (const record of all) {
    if (!isVoid(state, record)) valid.push(record);
    state = afterRecord(state, record);
  }
  const start = valid.findLastIndex(({ kind }) => kind === 'move.started');
  if (start < 0) return null;
  const opened = valid[start - 1]?.kind === 'opened' ? start - 1 : start;
  const records = valid.slice(opened);
  const fromMs = timeOf(records[0]);
  const isOver = state.phase === 'done' || state.phase === 'rolled-back';
  const toMs = Math.max(fromMs, isOver ? timeOf(records.at(-1)) : nowMs);
  const entered = records.flatMap((record): [MovePhase, number][] => {
    if (record.kind === 'phase.entered') return [[record.phase, timeOf(record)]];
    return record.kind === 'rollback.done' ? [['rolled-back', timeOf(record)]] : [];
  });
  const phases = entered.map(([phase, from], index) => ({
    ...{ phase, fromMs: from },
    toMs: entered[index + 1]?.[1] ?? toMs,
  }));
  const windows = windowsOf(records);
  return {
    ...{ state, records, fromMs, toMs, phases, windows },
    earlierMoves: valid.filter(({ kind }) => kind === 'move.started').length - 1,
    rollbacks: rollbacksOf(records),
    watchedMs: windows.reduce(
      (sum, { atMs, isAfterBreak }, index) =>
        isAfterBreak ? sum : sum + atMs - (windows[index - 1]?.atMs ?? atMs),
      0,
    ),
    sampledMs: sampled(windows, fromMs, Number(state.settings.windowS) * 1_000 || 0),
    stepsMs: records.reduce(
      (sum, record) => (record.kind === 'step.done' && record.phase !== 'rollback' ? sum + record.ms : sum),
      0,
    ),
  };
}

/** Gaps of green that overlap the move. */
export const gapsWithin = (gaps: readonly GreenGap[], { fromMs, toMs }: MoveFigures): readonly GreenGap[] =>
  gaps.filter((gap) => gap.toMs >= fromMs - 1_000 && gap.fromMs <= toMs);

const timeOf = (record: MoveRecord | undefined): number => Date.parse(record?.at ?? '') || 0;

function windowsOf(records: readonly MoveRecord[]): readonly WindowFigures[] {
  const windows: WindowFigures[] = [];
  let phaseMs = 0;
  for (const record of records) {
    if (record.kind === 'phase.entered') phaseMs = timeOf(record);
    if (record.kind !== 'analysis') continue;
    const [atMs, last] = [timeOf(record), windows.at(-1)];
    const limitMs =
      last?.writer === record.writer && atMs - phaseMs > LATE_AFTER_MS ? LATE_BREAK_MS : BREAK_MS;
    const { blue, green, counted } = record.detail as Readonly<Record<string, Record<string, unknown>>>;
    windows.push({
      ...{ atMs, writer: record.writer },
      isAfterBreak: last === undefined || atMs - last.atMs > limitMs,
      ...{ blue: colorFigures(blue), green: colorFigures(green) },
      missing: typeof counted?.missing === 'number' ? counted.missing : null,
    });
  }
  return windows;
}

/** No post in the window is no figure, not a figure of zero. */
function colorFigures(value: Record<string, unknown> | undefined): ColorFigures | null {
  const names = ['posts', 'synthetic', 'errors', 'p50Ms', 'p99Ms'];
  if (!value || names.some((name) => typeof value[name] !== 'number') || value.posts === 0) return null;
  return value as unknown as ColorFigures;
}

function sampled(windows: readonly WindowFigures[], fromMs: number, windowMs: number): number {
  let [sum, endMs] = [0, fromMs];
  for (const { atMs, blue, green } of windows) {
    if (blue === null && green === null) continue;
    sum += Math.max(0, atMs - Math.max(endMs, atMs - windowMs));
    endMs = Math.max(endMs, atMs);
  }
  return sum;
}

/** From the command that begins it, which starts blue first after `complete`, to its end. */
function rollbacksOf(records: readonly MoveRecord[]): readonly RollbackFigures[] {
  const rollbacks: RollbackFigures[] = [];
  let open: { at: string; why: string } | null = null;
  let asked: string | null = null;
  for (const record of records) {
    if (record.kind === 'opened') asked = record.command === 'rollback' ? record.at : null;
    if (record.kind === 'rollback.started') open ??= { at: asked ?? record.at, why: record.why };
    if (record.kind !== 'rollback.done' || open === null) continue;
    rollbacks.push({ ...open, durationMs: timeOf(record) - Date.parse(open.at) });
    open = null;
  }
  return open === null ? rollbacks : [...rollbacks, { ...open, durationMs: null }];
}
