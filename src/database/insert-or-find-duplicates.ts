import { type Model, mongo } from 'mongoose';
import { MAJORITY_JOURNALED } from './connect-options.js';
import { storageUnavailable } from './storage-errors.js';

const DUPLICATE_KEY = 11_000;

/**
 * Inserts all that can be inserted, durably, in one command, past mongoose's documents: this is the hot path, and what
 * comes here was parsed already.
 * @returns the indexes whose `_id` was there before
 * @throws storage/unavailable when anything else went wrong: then nothing is known of any of them
 */
export async function insertOrFindDuplicates<T>(
  model: Model<T>,
  documents: readonly Record<string, unknown>[],
): Promise<ReadonlySet<number>> {
  try {
    await model.collection.insertMany([...documents], { ordered: false, writeConcern: MAJORITY_JOURNALED });
    return new Set();
  } catch (error) {
    if (!(error instanceof mongo.MongoBulkWriteError)) throw error;
    const writeErrors = ([] as mongo.WriteError[]).concat(error.writeErrors);
    const isOnlyDuplicates =
      writeErrors.length > 0 && writeErrors.every((each) => each.code === DUPLICATE_KEY);
    if (!isOnlyDuplicates || error.result.getWriteConcernError()) throw storageUnavailable(error);
    return new Set(writeErrors.map((each) => each.index));
  }
}
