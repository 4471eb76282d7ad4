import type { mongo } from 'mongoose';

/** `expand` only adds and may run while older releases work; `contract` takes away what they may still need. */
export type StepKind = 'expand' | 'contract';

/** One way from a version of the schema to the next. Idempotent: what was cut short is run again from its beginning. */
export interface SchemaStep {
  /** The schema's version once it is done; the steps count up by one, without a gap. */
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  /**
   * @param db on a connection of the step's own, without a time-out for a command: an index may take minutes
   * @param context.signal aborted when the lock is lost or the process is to end: do not begin another command
   */
  readonly up: (db: mongo.Db, context: { readonly signal: AbortSignal }) => Promise<void>;
}

/** As people read it: `step 2 (0002-names, expand)`. */
export function stepTitle({ version, name, kind }: Omit<SchemaStep, 'up'>): string {
  return `step ${version} (${String(version).padStart(4, '0')}-${name}, ${kind})`;
}
