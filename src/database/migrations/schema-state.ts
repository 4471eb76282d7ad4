import type { StepKind } from './schema-step.js';

/** The newest attempt at one step. */
export interface StepRecord {
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  /** The holder of the lock that ran it, and the epoch of that lock. */
  readonly owner: string;
  readonly epoch: number;
  readonly startedAt: Date;
  /** null: running, interrupted or failed. */
  readonly finishedAt: Date | null;
  readonly error: string | null;
}

/** The step that must be repeated before any other. */
export interface FailedStep {
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  readonly error: string;
  /** The instruction for the operator. */
  readonly whatToDo: string;
}

/**
 * The one document of the schema. The record of the steps and the lock on them are one document, so that only the
 * holder of the lock can write the record. All times are the database's.
 */
export interface SchemaState {
  /** The version of the last finished step; 0 before the first. */
  readonly version: number;
  /** Fencing token: grows by one with every holder of the lock. */
  readonly epoch: number;
  /** null while the lock is free. A holder that crashed stays here until the next one takes over. */
  readonly owner: string | null;
  /** The lock is held until then; 1970 while the lock is free. */
  readonly lockedUntil: Date;
  /** One record for each step that has begun, ordered by version. */
  readonly steps: readonly StepRecord[];
  readonly failed: FailedStep | null;
  /** The version of a contract step that is announced, or has begun and is not finished. */
  readonly contractingTo: number | null;
}

/** The state of a database on which no step has run. */
export const EMPTY_SCHEMA_STATE: SchemaState = {
  version: 0,
  epoch: 0,
  owner: null,
  lockedUntil: new Date(0),
  steps: [],
  failed: null,
  contractingTo: null,
};

/** Replaces the earlier attempt at the same step. */
export function withStepRecord(steps: readonly StepRecord[], record: StepRecord): StepRecord[] {
  const others = steps.filter(({ version }) => version !== record.version);
  return [...others, record].sort((a, b) => a.version - b.version);
}

/** `contractingTo` if its step has begun: data may be missing, so older releases stay blocked. Otherwise null. */
export function startedContraction({ contractingTo, steps }: SchemaState): number | null {
  return steps.some(({ version }) => version === contractingTo) ? contractingTo : null;
}
