import { EXIT_CODES, CommandError } from '../../core/commands/index.js';

/**
 * The phases of a move, in their order. Up to `soak` the old server (blue) runs and a rollback takes seconds. `complete` stops
 * it. `rolled-back` follows a rollback, and a new move can start then.
 */
export const MOVE_PHASES = ['shadow', 'one', 'half', 'all', 'soak', 'complete', 'done'] as const;
export type MovePhase = (typeof MOVE_PHASES)[number] | 'rolled-back';

/** The phases that `shift to` accepts. */
export const SHIFT_TARGETS = ['one', 'half', 'all'] as const;
export type ShiftTarget = (typeof SHIFT_TARGETS)[number];

/** One step forward, or back to a smaller share without an end of the move. A larger step would skip an observation. */
const NEXT: Readonly<Record<MovePhase | 'none', readonly MovePhase[]>> = {
  none: ['shadow'],
  shadow: ['one'],
  one: ['half'],
  half: ['all', 'one'],
  all: ['soak', 'half'],
  soak: ['complete', 'half'],
  complete: ['done'],
  done: [],
  'rolled-back': ['shadow'],
};

/** @param from null before the first start */
export function isNextPhase(from: MovePhase | null, to: MovePhase): boolean {
  return NEXT[from ?? 'none'].includes(to);
}

/** @throws CommandError FAILURE that names the allowed phases */
export function assertNextPhase(from: MovePhase | null, to: MovePhase): void {
  if (isNextPhase(from, to)) return;
  const allowed = NEXT[from ?? 'none'];
  throw new CommandError(
    `phase ${to} cannot follow ${from === null ? 'a move that was not started' : `phase ${from}`}; ` +
      (allowed.length === 0 ? 'no phase can' : `these can: ${allowed.join(', ')}`),
    EXIT_CODES.FAILURE,
  );
}

/** The old server may be stopped: a rollback starts it again. */
export const isBlueAtStake = (phase: MovePhase | null): boolean => phase === 'complete' || phase === 'done';
