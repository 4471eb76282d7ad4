import type { mongo } from 'mongoose';
import { makeCollection, type SchemaStep } from './schema-step.js';

/** The indexes of `crashes/crash.schema.ts` when this step was written. */
export const CRASH_INDEXES: readonly mongo.IndexDescription[] = [{ key: { vehicleId: 1, _id: 1 } }];

/** `legacy_clients` holds one document for each box and panel of the old server. It is read by `_id` only. */
export const crashes: SchemaStep = {
  version: 3,
  name: 'crashes',
  kind: 'expand',
  up: async (db, { signal }) => {
    await makeCollection(db, 'crashes', {}, CRASH_INDEXES);
    signal.throwIfAborted();
    await makeCollection(db, 'legacy_clients');
  },
};
