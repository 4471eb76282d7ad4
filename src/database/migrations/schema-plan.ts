import type { FailedStep, SchemaState } from './schema-state.js';
import type { SchemaStep } from './schema-step.js';

/** The effect of `up`. */
export interface UpPlan {
  readonly current: number;
  readonly run: readonly SchemaStep[];
  /** The contract step before which `up` stops: only an operator begins one. */
  readonly stopsAt: SchemaStep | null;
  /** The failed step. Its cause must be fixed first. */
  readonly failed: FailedStep | null;
}

/** The expand steps from the current version to the next contract step. */
export function planUp(state: SchemaState, steps: readonly SchemaStep[]): UpPlan {
  const pending = pendingSteps(state, steps);
  const stop = pending.findIndex(({ kind }) => kind === 'contract');
  return {
    current: state.version,
    run: stop < 0 ? pending : pending.slice(0, stop),
    stopsAt: pending[stop] ?? null,
    failed: state.failed,
  };
}

/** The effect of `contract`: one step only, because each contract step makes older releases unusable. */
export interface ContractPlan {
  readonly current: number;
  /** null when no contract step is pending. */
  readonly step: SchemaStep | null;
  /** Pending expand steps before it. */
  readonly first: readonly SchemaStep[];
  /** The step is announced: another process is about to run it, or was interrupted. */
  readonly isAnnounced: boolean;
}

export function planContract(state: SchemaState, steps: readonly SchemaStep[]): ContractPlan {
  const { current, run, stopsAt } = planUp(state, steps);
  const isAnnounced = state.contractingTo !== null && state.contractingTo === stopsAt?.version;
  return { current, step: stopsAt, first: run, isAnnounced };
}

function pendingSteps(state: SchemaState, steps: readonly SchemaStep[]): SchemaStep[] {
  return steps.filter(({ version }) => version > state.version);
}
