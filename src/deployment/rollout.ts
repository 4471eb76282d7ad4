/** What traffic is moved between: the server that was there before, and the two colours. */
export const ROLLOUT_SIDES = ['old', 'blue', 'green'] as const;
export type RolloutSide = (typeof ROLLOUT_SIDES)[number];

export const ROLLOUT_PHASES = ['idle', 'parallel', 'shifting', 'soaking', 'complete', 'rolled_back'] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];

/** One line of what was done. */
export interface RolloutChange {
  readonly at: Date;
  readonly phase: RolloutPhase;
  readonly weightPct: number;
  /** Who: a person or a tool. */
  readonly by: string;
  readonly why: string;
}

/** The move that is under way, or the last one that was; there is one, and no record is as good as `idle`. */
export interface Rollout {
  /** Of this move; another for the next one. */
  readonly id: string;
  readonly from: RolloutSide;
  readonly to: RolloutSide;
  readonly phase: RolloutPhase;
  /** Share of new traffic that goes to `to`, 0 to 100. */
  readonly weightPct: number;
  /** Grows with every change: whoever changes it says which one he has seen. */
  readonly epoch: number;
  /** Oldest first, the last `MAX_HISTORY` of them. */
  readonly history: readonly RolloutChange[];
}

const MAX_HISTORY = 200;

/** Where each phase may go. Backwards is always by `rolled_back`, so that the history tells it. */
const NEXT_PHASES: Readonly<Record<RolloutPhase, readonly RolloutPhase[]>> = {
  idle: ['parallel'],
  parallel: ['parallel', 'shifting', 'rolled_back'],
  shifting: ['shifting', 'soaking', 'rolled_back'],
  soaking: ['shifting', 'soaking', 'complete', 'rolled_back'],
  complete: ['rolled_back', 'idle'],
  rolled_back: ['idle'],
};

const FINISHED_PHASES: readonly RolloutPhase[] = ['idle', 'complete', 'rolled_back'];

export interface RolloutStep {
  readonly phase: RolloutPhase;
  readonly weightPct: number;
  readonly by: string;
  readonly why: string;
}

/** A move from one side to another, as it begins. */
export interface RolloutStart {
  readonly from: RolloutSide;
  readonly to: RolloutSide;
  readonly by: string;
  readonly why: string;
}

/**
 * A new move, nothing shifted yet, in place of one that is over.
 * @throws RangeError when one is under way, or it would move nothing
 */
export function beginRollout(last: Rollout | null, id: string, start: RolloutStart, at: Date): Rollout {
  const { from, to, by, why } = start;
  if (last && !FINISHED_PHASES.includes(last.phase))
    throw new RangeError(`the move to ${last.to} is ${last.phase}`);
  if (from === to) throw new RangeError(`a move from ${from} to itself moves nothing`);
  const phase = 'parallel';
  const history = [{ at, phase, weightPct: 0, by, why }] as const;
  return { id, from, to, phase, weightPct: 0, epoch: (last?.epoch ?? 0) + 1, history };
}

/**
 * The record after one more step.
 * @throws RangeError when the phase does not follow, or weight and phase contradict each other
 */
export function stepRollout(rollout: Rollout, step: RolloutStep, at: Date): Rollout {
  const { phase, weightPct, by, why } = step;
  if (!NEXT_PHASES[rollout.phase].includes(phase))
    throw new RangeError(`${phase} does not follow ${rollout.phase}`);
  if (!(weightPct >= 0 && weightPct <= 100)) throw new RangeError('weightPct must be from 0 to 100');
  const isFixed = phase !== 'shifting';
  const fixed = phase === 'soaking' || phase === 'complete' ? 100 : 0;
  if (isFixed && weightPct !== fixed) throw new RangeError(`weightPct is ${fixed} in phase ${phase}`);
  const history = [...rollout.history, { at, phase, weightPct, by, why }].slice(-MAX_HISTORY);
  return { ...rollout, phase, weightPct, epoch: rollout.epoch + 1, history };
}
