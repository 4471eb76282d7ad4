import { failureText } from './schema-errors.js';
import type { SchemaState } from './schema-state.js';

/** The versions of the schema that this release supports, both included. */
export interface SupportedSchema {
  readonly min: number;
  /** The version of the newest step of this release. */
  readonly max: number;
}

export type SchemaFit = 'fits' | 'too_old' | 'too_new' | 'failed';

/** The schema of the database compared with the versions that this release supports. */
export interface SchemaView {
  readonly current: number;
  readonly supported: SupportedSchema;
  /** Steps of this release that have not run. They do not block while `fit` is `fits`. */
  readonly pending: number;
  /** `held`: the lock has an owner, which may have crashed. */
  readonly lock: { readonly held: boolean };
  readonly fit: SchemaFit;
  /** The error of the failed step and the command that repeats it. */
  readonly failed: string | null;
}

export function viewOf(state: SchemaState, supported: SupportedSchema): SchemaView {
  const failed = knownFailure(state, supported);
  return {
    current: state.version,
    supported,
    pending: Math.max(0, supported.max - state.version),
    lock: { held: state.owner !== null },
    fit: fitOf(state, supported),
    failed: failed && failureText(failed),
  };
}

/** Why the instance waits, and what the operator types next. */
export function adviceFor({ fit, current, supported: { min, max }, failed }: SchemaView): string {
  const situation = `the database has schema ${current}, this release works with ${min} to ${max}`;
  switch (fit) {
    case 'fits':
      return situation;
    case 'failed':
      return failed ?? situation;
    case 'too_old':
      return `${situation}. Type: samserver schema up (samserver schema status shows the steps)`;
    case 'too_new':
      return `${situation}, and a newer schema exists or is announced. Start a release that can work with it (samserver schema status shows the version)`;
  }
}

function fitOf(state: SchemaState, supported: SupportedSchema): SchemaFit {
  const next = Math.max(state.version, state.contractingTo ?? 0);
  if (next > supported.max) return 'too_new';
  if (knownFailure(state, supported)) return 'failed';
  return state.version < supported.min ? 'too_old' : 'fits';
}

/** A failed expand step of a newer release only added a part of its additions, so it does not block this release. */
function knownFailure({ failed }: SchemaState, { max }: SupportedSchema): SchemaState['failed'] {
  return failed && failed.version <= max ? failed : null;
}
