import type { StepKind } from './schema-step.js';

/** The newest attempt at one step. */
export interface StepRecord {
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  /** Who ran it, under which epoch of the lock. */
  readonly owner: string;
  readonly epoch: number;
  readonly startedAt: Date;
  /** Null: still running, cut short, or failed. */
  readonly finishedAt: Date | null;
  readonly error: string | null;
}

/** The step that stands in the way, and what a person does about it. */
export interface FailedStep {
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  readonly error: string;
  readonly whatToDo: string;
}

/**
 * The one document of the schema: the record of its steps and the lock on them are the same document, so that nobody
 * can write the one without holding the other. All times are the database's.
 */
export interface SchemaState {
  /** Of the last step that was finished; 0 before the first. */
  readonly version: number;
  /** Counts the owners of the lock, ever: what is written by an earlier one finds another number here. */
  readonly epoch: number;
  /** Null: nobody. One that crashed stands here until another takes over. */
  readonly owner: string | null;
  /** Held until then, unless its owner puts it off or lets go; 1970 when nobody holds it. */
  readonly lockedUntil: Date;
  /** One for each step that was ever begun, in the order of versions. */
  readonly steps: readonly StepRecord[];
  readonly failed: FailedStep | null;
  /** A contract step to this version is about to run, or has begun and is not through. */
  readonly contractingTo: number | null;
}

/** A database that no step has ever touched. */
export const EMPTY_SCHEMA_STATE: SchemaState = {
  version: 0,
  epoch: 0,
  owner: null,
  lockedUntil: new Date(0),
  steps: [],
  failed: null,
  contractingTo: null,
};

/** With this record in place of the former attempt at the same step. */
export function withStepRecord(steps: readonly StepRecord[], record: StepRecord): StepRecord[] {
  const others = steps.filter(({ version }) => version !== record.version);
  return [...others, record].sort((a, b) => a.version - b.version);
}

/** The announcement that has to stay: its step was begun, and something may be gone already. */
export function startedContraction({ contractingTo, steps }: SchemaState): number | null {
  return steps.some(({ version }) => version === contractingTo) ? contractingTo : null;
}
