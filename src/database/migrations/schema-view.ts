import { failureText } from './schema-errors.js';
import type { SchemaState } from './schema-state.js';

/** The versions of the schema that this release works with, both included. */
export interface SupportedSchema {
  readonly min: number;
  /** Of the newest step that this release knows. */
  readonly max: number;
}

export type SchemaFit = 'fits' | 'too_old' | 'too_new' | 'failed';

/** The schema as this release sees it. */
export interface SchemaView {
  readonly current: number;
  readonly supported: SupportedSchema;
  /** Steps that this release knows and the database has not seen; no reason to block while `fit` is `fits`. */
  readonly pending: number;
  /** Somebody works at the schema, or went away without letting go. */
  readonly lock: { readonly held: boolean };
  readonly fit: SchemaFit;
  /** What failed and what a person types next. */
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

function fitOf(state: SchemaState, supported: SupportedSchema): SchemaFit {
  const coming = Math.max(state.version, state.contractingTo ?? 0);
  if (coming > supported.max) return 'too_new';
  if (knownFailure(state, supported)) return 'failed';
  return state.version < supported.min ? 'too_old' : 'fits';
}

/** A newer release's expand step that failed has only added less than it meant to: no older one is blocked by it. */
function knownFailure({ failed }: SchemaState, { max }: SupportedSchema): SchemaState['failed'] {
  return failed && failed.version <= max ? failed : null;
}
