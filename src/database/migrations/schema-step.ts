import { mongo } from 'mongoose';

const NAMESPACE_EXISTS = 48;

/** `expand` only adds, and older releases still work; `contract` removes what they may need. */
export type StepKind = 'expand' | 'contract';

/** Changes the schema from one version to the next. Idempotent: an interrupted step runs again from its beginning. */
export interface SchemaStep {
  /** The version of the schema after the step. Versions count up by one without a gap. */
  readonly version: number;
  readonly name: string;
  readonly kind: StepKind;
  /**
   * @param db on the step's own connection, without a time-out: an index may take minutes
   * @param context.signal aborted at the loss of the lock and at shutdown; do not begin another command after it
   */
  readonly up: (db: mongo.Db, context: { readonly signal: AbortSignal }) => Promise<void>;
}

/** For messages: `step 2 (0002-names, expand)`. */
export function stepTitle({ version, name, kind }: Omit<SchemaStep, 'up'>): string {
  return `step ${version} (${String(version).padStart(4, '0')}-${name}, ${kind})`;
}

/** Creates a collection and its indexes unless they exist. An existing collection keeps its options. */
export async function makeCollection(
  db: mongo.Db,
  name: string,
  options: mongo.CreateCollectionOptions = {},
  indexes: readonly mongo.IndexDescription[] = [],
): Promise<void> {
  try {
    await db.createCollection(name, options);
  } catch (error) {
    if (!(error instanceof mongo.MongoServerError) || error.code !== NAMESPACE_EXISTS) throw error;
  }
  if (indexes.length > 0) await db.collection(name).createIndexes([...indexes]);
}
