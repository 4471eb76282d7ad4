import type { mongo } from 'mongoose';
import type { Settings } from '../../config/index.js';
import { databaseOf } from '../collection-of.js';
import { stepConnectOptions } from '../connect-options.js';
import { openConnection } from '../connections.js';
import type { DatabaseLock } from '../database-lock.js';
import { isAccessRefused, translateStorageError } from '../storage-errors.js';
import { SchemaStepFailedError } from './schema-errors.js';
import type { SchemaStateDocument } from './schema-state.repository.js';
import { type FailedStep, type SchemaState, type StepRecord, withStepRecord } from './schema-state.js';
import { type SchemaStep, stepTitle } from './schema-step.js';

/** Limit for the error text in a step's record, characters. */
const MAX_ERROR_LENGTH = 500;

/** A step's own connection, so that it can be closed under a step that has lost the lock. */
export interface StepConnection {
  readonly db: mongo.Db;
  /** Also ends commands in progress. */
  close(): Promise<void>;
}

export async function openStepConnection(uri: string, settings: Settings): Promise<StepConnection> {
  const connection = await openConnection(uri, stepConnectOptions(settings));
  const close = (): Promise<void> => connection.close(true);
  try {
    return { db: databaseOf(connection), close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface StepRunOptions {
  readonly lock: DatabaseLock<SchemaStateDocument>;
  /** The state that the holder of the lock has read. */
  readonly state: SchemaState;
  readonly step: SchemaStep;
  /** Aborted at shutdown. */
  readonly signal: AbortSignal;
  readonly openConnection: () => Promise<StepConnection>;
  readonly onProgress: (message: string) => void;
}

/**
 * Runs one step. Records its start before it and its success or failure after it. An outage, a lost lock or a shutdown
 * is not a failure of the step: the record stays open, and the next holder runs the step again.
 * @returns the state after the step
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
    if (translateStorageError(error) && !isAccessRefused(error)) throw error;
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

/** Ends at the signal. A step that ignores the signal loses its connection. */
async function executeStep(
  step: SchemaStep,
  signal: AbortSignal,
  openConnection: () => Promise<StepConnection>,
): Promise<void> {
  const connection = await openConnection();
  try {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    );
    await Promise.race([step.up(connection.db, { signal }), aborted]);
  } finally {
    await connection.close();
  }
}

function whatToDo({ kind, version }: SchemaStep): string {
  return kind === 'expand'
    ? 'Fix the cause. Then type: samserver schema up'
    : `Until the step is finished, only releases that work with schema ${version} may run. Fix the cause. Then type: samserver schema contract --backup <path> --yes`;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LENGTH);
}
