import type { FailedStep } from './schema-state.js';
import { stepTitle } from './schema-step.js';

/** Another process holds the lock, or may hold it. The work of this process on the schema has stopped. */
export class SchemaLockLostError extends Error {
  constructor(reason: string) {
    super(`the lock on the schema is lost (${reason}): stopped, and nothing more is recorded`);
    this.name = 'SchemaLockLostError';
  }
}

/** The lock did not become free within the given time. */
export class SchemaLockBusyError extends Error {
  constructor(readonly owner: string) {
    super(`${owner} holds the lock on the schema`);
    this.name = 'SchemaLockBusyError';
  }
}

/** A step failed, now or in an earlier attempt. Its record is in `schema_state`. */
export class SchemaStepFailedError extends Error {
  constructor(
    readonly failed: FailedStep,
    cause?: unknown,
  ) {
    super(failureText(failed), { cause });
    this.name = 'SchemaStepFailedError';
  }
}

/** The error and the command that repeats the step, in one line. */
export function failureText(failed: FailedStep): string {
  return `${stepTitle(failed)} failed: ${failed.error}. ${failed.whatToDo}`;
}
