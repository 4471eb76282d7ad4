import type { FailedStep, SchemaState } from './schema-state.js';
import type { SchemaStep } from './schema-step.js';

/** What `up` would do. */
export interface UpPlan {
  readonly current: number;
  readonly run: readonly SchemaStep[];
  /** The contract step at which it ends: only a person begins one. */
  readonly stopsAt: SchemaStep | null;
  /** The record of a failed step, which has to be mended first. */
  readonly failed: FailedStep | null;
}

/** The expand steps from the present version up to the next contract step. */
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

/** What `contract` would do: one step, since each of them ends a way back. */
export interface ContractPlan {
  readonly current: number;
  /** Null: there is none. */
  readonly step: SchemaStep | null;
  /** Expand steps that come before it. */
  readonly first: readonly SchemaStep[];
  /** Somebody is about to run it, or was. */
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
