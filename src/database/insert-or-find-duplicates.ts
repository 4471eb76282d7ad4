import { type Model, mongo } from 'mongoose';
import { storageUnavailable } from './storage-errors.js';

const DUPLICATE_KEY = 11_000;

/**
 * Inserts documents durably in one command. It does not create mongoose documents: the documents are parsed already, and
 * this is the hot path.
 * @returns the indexes of the documents whose `_id` was stored before
 * @throws storage/unavailable after any other error: then each document may or may not be stored
 */
export async function insertOrFindDuplicates<T>(
  model: Model<T>,
  documents: Record<string, unknown>[],
): Promise<ReadonlySet<number>> {
  try {
    await model.collection.insertMany(documents, { ordered: false });
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
