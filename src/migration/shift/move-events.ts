import type { MovePhase } from './move-phases.js';

/** The rollback is a phase of its own for its steps. */
export type StepPhase = MovePhase | 'rollback';
export type Detail = Readonly<Record<string, unknown>>;

/** What one line of the journal announces or reports. */
export type MoveEvent =
  /** A command begins to write. Lines of an earlier writer that follow are void. */
  | {
      readonly kind: 'opened';
      readonly command: string;
      readonly pid: number;
      /** Login name and host of the process; older journals do not have them. */
      readonly user?: string;
      readonly host?: string;
    }
  /** A new move: everything before it is history. */
  | { readonly kind: 'move.started'; readonly move: string; readonly why: string; readonly detail: Detail }
  /** The phase that is to be entered when its gates are open; null: not any more. */
  | {
      readonly kind: 'target';
      readonly phase: MovePhase | null;
      readonly why: string;
      readonly detail: Detail;
    }
  | { readonly kind: 'phase.entered'; readonly phase: MovePhase; readonly why: string }
  | { readonly kind: 'step.started'; readonly phase: StepPhase; readonly step: string }
  | {
      readonly kind: 'step.done';
      readonly phase: StepPhase;
      readonly step: string;
      readonly ms: number;
      readonly detail: Detail;
    }
  | {
      readonly kind: 'step.failed';
      readonly phase: StepPhase;
      readonly step: string;
      readonly ms: number;
      readonly why: string;
    }
  | { readonly kind: 'held'; readonly why: string }
  | { readonly kind: 'resumed'; readonly why: string }
  | { readonly kind: 'rollback.started'; readonly why: string }
  /** Blue does not answer. */
  | { readonly kind: 'rollback.refused'; readonly why: string }
  | { readonly kind: 'rollback.done'; readonly ms: number; readonly detail: Detail }
  /** A gate that begins or ends to keep a phase from being entered. */
  | { readonly kind: 'gate'; readonly phase: MovePhase; readonly waitsFor: readonly string[] }
  | { readonly kind: 'analysis'; readonly verdict: string; readonly why: string; readonly detail: Detail }
  /** A request of another terminal was taken. */
  | { readonly kind: 'request.taken'; readonly request: string };

/** One line of the journal. */
export type MoveRecord = MoveEvent & {
  readonly seq: number;
  /** ISO time. */
  readonly at: string;
  /** A person or a tool. */
  readonly by: string;
  /** Of the command that wrote it. */
  readonly writer: string;
};
