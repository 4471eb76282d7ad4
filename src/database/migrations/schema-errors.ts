import type { FailedStep } from './schema-state.js';
import { stepTitle } from './schema-step.js';

/** Another has the lock now, or may have it: whatever this process was doing to the schema has stopped. */
export class SchemaLockLostError extends Error {
  constructor(reason: string) {
    super(`the lock on the schema is lost (${reason}): stopped, and nothing more is recorded`);
    this.name = 'SchemaLockLostError';
  }
}

/** The whole time of waiting was not enough. */
export class SchemaLockBusyError extends Error {
  constructor(readonly owner: string) {
    super(`${owner} holds the lock on the schema`);
    this.name = 'SchemaLockBusyError';
  }
}

/** A step threw, now or at an earlier attempt; its record is in `schema_state`. */
export class SchemaStepFailedError extends Error {
  constructor(
    readonly failed: FailedStep,
    cause?: unknown,
  ) {
    super(failureText(failed), { cause });
    this.name = 'SchemaStepFailedError';
  }
}

/** What went wrong and what a person types next, in one line. */
export function failureText(failed: FailedStep): string {
  return `${stepTitle(failed)} failed: ${failed.error}. ${failed.whatToDo}`;
}
