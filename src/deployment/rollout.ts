/** The sides of a rollout: the old server and the two colours of this service. */
export const ROLLOUT_SIDES = ['old', 'blue', 'green'] as const;
export type RolloutSide = (typeof ROLLOUT_SIDES)[number];

export const ROLLOUT_PHASES = ['idle', 'parallel', 'shifting', 'soaking', 'complete', 'rolled_back'] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];

/** One entry of the history. */
export interface RolloutChange {
  readonly at: Date;
  readonly phase: RolloutPhase;
  readonly weightPct: number;
  /** A person or a tool. */
  readonly by: string;
  readonly why: string;
}

/** The current or the last rollout: traffic moves from one side to the other. There is at most one record. */
export interface Rollout {
  /** A new UUID for each rollout. */
  readonly id: string;
  readonly from: RolloutSide;
  readonly to: RolloutSide;
  readonly phase: RolloutPhase;
  /** Share of new traffic for the side `to`, 0 to 100. */
  readonly weightPct: number;
  /** Increases by one with every change. A change names the epoch that it is based on (compare-and-set). */
  readonly epoch: number;
  /** Oldest first, the last `MAX_HISTORY` of them. */
  readonly history: readonly RolloutChange[];
}

const MAX_HISTORY = 200;

/** Allowed transitions. A rollout goes back through `rolled_back` only, so that the history shows it. */
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

/** Input of a new rollout. */
export interface RolloutStart {
  readonly from: RolloutSide;
  readonly to: RolloutSide;
  readonly by: string;
  readonly why: string;
}

/**
 * A new rollout in phase `parallel` with weight 0, after one that has finished.
 * @throws RangeError when a rollout is in progress, or both sides are the same
 */
export function beginRollout(last: Rollout | null, id: string, start: RolloutStart, at: Date): Rollout {
  const { from, to, by, why } = start;
  if (last && !FINISHED_PHASES.includes(last.phase))
    throw new RangeError(`a rollout to ${last.to} is in progress (phase ${last.phase})`);
  if (from === to) throw new RangeError(`from and to must differ; both are ${from}`);
  const phase = 'parallel';
  const history = [{ at, phase, weightPct: 0, by, why }] as const;
  return { id, from, to, phase, weightPct: 0, epoch: (last?.epoch ?? 0) + 1, history };
}

/**
 * The record after one step.
 * @throws RangeError when the transition is not allowed, or the weight does not fit the phase
 */
export function stepRollout(rollout: Rollout, step: RolloutStep, at: Date): Rollout {
  const { phase, weightPct, by, why } = step;
  if (!NEXT_PHASES[rollout.phase].includes(phase))
    throw new RangeError(`phase ${phase} cannot follow phase ${rollout.phase}`);
  if (!(weightPct >= 0 && weightPct <= 100)) throw new RangeError('weightPct must be from 0 to 100');
  const isFixed = phase !== 'shifting';
  const fixed = phase === 'soaking' || phase === 'complete' ? 100 : 0;
  if (isFixed && weightPct !== fixed) throw new RangeError(`weightPct must be ${fixed} in phase ${phase}`);
  const history = [...rollout.history, { at, phase, weightPct, by, why }].slice(-MAX_HISTORY);
  return { ...rollout, phase, weightPct, epoch: rollout.epoch + 1, history };
}
