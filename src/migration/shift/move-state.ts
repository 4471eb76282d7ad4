import type { Detail, MoveRecord, StepPhase } from './move-events.js';
import type { MovePhase } from './move-phases.js';

/** A step that was begun, and of which no end is recorded. */
export interface OpenStep {
  readonly phase: StepPhase;
  readonly step: string;
  readonly at: string;
}

/** Where a move is, by its journal. */
export interface MoveState {
  /** Id of the move; null before the first start. */
  readonly move: string | null;
  /** What `shift start` was given. */
  readonly settings: Detail;
  /** Null: no phase was entered yet. */
  readonly phase: MovePhase | null;
  readonly phaseSince: string | null;
  /** The phase that is to be entered. */
  readonly target: { readonly phase: MovePhase; readonly detail: Detail } | null;
  /** A kill came while it ran: it may have acted or not. */
  readonly openStep: OpenStep | null;
  readonly failedStep: (OpenStep & { readonly why: string }) | null;
  /** Steps that were done since the last phase was entered or the rollback began, as `<phase>/<step>`. */
  readonly stepsDone: readonly string[];
  /** Null: not held. */
  readonly heldBecause: string | null;
  /** Null: no rollback is under way. */
  readonly rollingBackBecause: string | null;
  readonly waitsFor: readonly string[];
  readonly analysis: { readonly at: string; readonly verdict: string; readonly why: string } | null;
  /** The command that wrote last. */
  readonly owner: {
    readonly command: string;
    readonly pid: number;
    readonly by: string;
    readonly at: string;
  } | null;
  readonly writer: string | null;
  readonly seq: number;
}

export const NO_MOVE: MoveState = {
  move: null,
  settings: {},
  phase: null,
  phaseSince: null,
  target: null,
  openStep: null,
  failedStep: null,
  stepsDone: [],
  heldBecause: null,
  rollingBackBecause: null,
  waitsFor: [],
  analysis: null,
  owner: null,
  writer: null,
  seq: 0,
};

export const foldMove = (records: readonly MoveRecord[], from: MoveState = NO_MOVE): MoveState =>
  records.reduce(afterRecord, from);

/** Key of a step in `stepsDone`. */
export const stepKey = (phase: StepPhase, step: string): string => `${phase}/${step}`;

/** A command that was suspended while another one took the move over can still write one line: it is void. */
export const isVoid = ({ writer }: MoveState, record: MoveRecord): boolean =>
  record.kind !== 'opened' && record.writer !== writer;

export function afterRecord(state: MoveState, record: MoveRecord): MoveState {
  if (isVoid(state, record)) return { ...state, seq: record.seq };
  const next = { ...state, seq: record.seq };
  const { at, by } = record;
  switch (record.kind) {
    case 'opened':
      return { ...next, writer: record.writer, owner: { command: record.command, pid: record.pid, by, at } };
    case 'move.started':
      return {
        ...NO_MOVE,
        ...{ seq: record.seq, writer: state.writer, owner: state.owner },
        move: record.move,
        settings: record.detail,
      };
    case 'target':
      return {
        ...next,
        target: record.phase === null ? null : { phase: record.phase, detail: record.detail },
        waitsFor: [],
      };
    case 'phase.entered':
      return {
        ...next,
        ...{
          phase: record.phase,
          phaseSince: at,
          target: null,
          stepsDone: [],
          waitsFor: [],
          openStep: null,
          failedStep: null,
        },
      };
    case 'step.started':
      return { ...next, openStep: { phase: record.phase, step: record.step, at }, failedStep: null };
    case 'step.done':
      return {
        ...next,
        openStep: null,
        stepsDone: [...state.stepsDone, stepKey(record.phase, record.step)],
      };
    case 'step.failed':
      return {
        ...next,
        openStep: null,
        failedStep: { phase: record.phase, step: record.step, at, why: record.why },
      };
    case 'held':
      return { ...next, heldBecause: record.why };
    case 'resumed':
      return { ...next, heldBecause: null };
    case 'rollback.started':
      // A rollback that was killed continues: its steps that were done stay done.
      return state.rollingBackBecause === null
        ? {
            ...next,
            rollingBackBecause: record.why,
            target: null,
            stepsDone: [],
            openStep: null,
            failedStep: null,
            waitsFor: [],
          }
        : next;
    case 'rollback.done':
      return {
        ...next,
        ...{ rollingBackBecause: null, heldBecause: null, stepsDone: [], openStep: null, failedStep: null },
        ...{ phase: 'rolled-back', phaseSince: at },
      };
    case 'gate':
      return { ...next, waitsFor: record.waitsFor };
    case 'analysis':
      return { ...next, analysis: { at, verdict: record.verdict, why: record.why } };
    case 'rollback.refused':
    case 'request.taken':
      return next;
  }
}
