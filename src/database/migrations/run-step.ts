import type { DatabaseLock } from '../database-lock.js';
import { translateStorageError } from '../storage-errors.js';
import { SchemaStepFailedError } from './schema-errors.js';
import type { SchemaStateDocument } from './schema-state.repository.js';
import { type FailedStep, type SchemaState, type StepRecord, withStepRecord } from './schema-state.js';
import { type SchemaStep, stepTitle } from './schema-step.js';
import type { StepConnection } from './step-connection.js';

/** Of a step's error, in its record. */
const ERROR_LENGTH = 500;

export interface StepRunOptions {
  readonly lock: DatabaseLock<SchemaStateDocument>;
  /** As the lock's owner knows it. */
  readonly state: SchemaState;
  readonly step: SchemaStep;
  /** The process is to end. */
  readonly signal: AbortSignal;
  readonly openConnection: () => Promise<StepConnection>;
  readonly onProgress: (message: string) => void;
}

/**
 * One step between two records: that it was begun, and that it is done or has failed. An outage, a lost lock or the
 * process's end in between is no failure of the step: its record stays open and the next owner runs it again.
 * @returns the state after it
 * @throws SchemaStepFailedError, SchemaLockLostError, the signal's reason, errors of an outage
 */
export async function runStep({ lock, state, step, ...run }: StepRunOptions): Promise<SchemaState> {
  const { version, name, kind } = step;
  const { owner, epoch } = lock;
  const begun = { version, name, kind, owner, epoch, finishedAt: null, error: null };
  let startedAt = new Date(0);
  let current = state;
  const record = (changeAt: (now: Date) => Partial<SchemaState>): Promise<void> =>
    lock.update((now) => {
      const change = changeAt(now);
      current = { ...current, ...change };
      return change;
    });
  const withAttempt = (rest: Partial<StepRecord>): StepRecord[] =>
    withStepRecord(current.steps, { ...begun, startedAt, ...rest });

  await record((now) => {
    startedAt = now;
    return { steps: withAttempt({}), failed: null };
  });
  run.onProgress(`${stepTitle(step)}: begun`);
  try {
    await executeStep(step, AbortSignal.any([lock.signal, run.signal]), run.openConnection);
  } catch (error) {
    lock.assertHeld();
    run.signal.throwIfAborted();
    if (translateStorageError(error)) throw error;
    const failed: FailedStep = { version, name, kind, error: messageOf(error), whatToDo: whatToDo(step) };
    await record(() => ({ steps: withAttempt({ error: failed.error }), failed }));
    throw new SchemaStepFailedError(failed, error);
  }
  await record((now) => ({
    version,
    steps: withAttempt({ finishedAt: now }),
    contractingTo: null,
  }));
  run.onProgress(`${stepTitle(step)}: done`);
  return current;
}

/** Ends with the signal, also when the step does not listen to it: then its connection is cut. */
async function executeStep(
  step: SchemaStep,
  signal: AbortSignal,
  openConnection: () => Promise<StepConnection>,
): Promise<void> {
  const connection = await openConnection();
  try {
    signal.throwIfAborted();
    const cut = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    await Promise.race([step.up(connection.db, { signal }), cut]);
  } finally {
    await connection.close();
  }
}

function whatToDo({ kind, version }: SchemaStep): string {
  return kind === 'expand'
    ? 'When its cause is mended, type: samserver schema up'
    : `Until it is through, only relocks that work with schema ${version} may run. When its cause is mended, type: samserver schema contract --backup <path> --yes`;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, ERROR_LENGTH);
}
