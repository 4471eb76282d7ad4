import { type Model, mongo } from 'mongoose';

export interface RawQuery<T> {
  readonly filter: mongo.Filter<T>;
  /** Ascending or descending along an index. */
  readonly sort: Readonly<Record<string, 1 | -1>>;
  readonly limit: number;
}

interface FirstBatch {
  readonly firstBatch: Buffer[];
  readonly id: mongo.Long;
}

/** After these errors no time is left for a second attempt. */
const TIME_LIMITS = new Set([
  'MongoOperationTimeoutError',
  'MongoNetworkTimeoutError',
  'MongoServerSelectionError',
  'MongoWaitQueueTimeoutError',
]);

/**
 * The bytes of the documents that a query finds. A cursor of the driver costs six times as much, because it parses each
 * document even when only its bytes are requested. The cursor takes over when the documents do not fit into one batch, and
 * after an error: it repeats a read that can be repeated.
 */
export async function findRaw<T>(model: Model<T>, query: RawQuery<T>): Promise<Buffer[]> {
  const batch = await findBatch(model, query).catch((error: Error) => {
    if (TIME_LIMITS.has(error.name)) throw error;
    return null;
  });
  if (batch) return batch;
  const { filter, sort, limit } = query;
  const collection = model.collection as unknown as mongo.Collection<mongo.BSON.Document>;
  const found = collection.find(filter as mongo.Filter<mongo.BSON.Document>, { sort, limit, raw: true });
  return (await found.toArray()) as unknown as Buffer[];
}

/** @returns null when the connection was never made, or when one batch does not hold all documents */
async function findBatch<T>(model: Model<T>, { filter, sort, limit }: RawQuery<T>): Promise<Buffer[] | null> {
  const { db } = model.db;
  if (!db) return null;
  const { readConcern, readPreference } = db;
  const command = {
    find: model.collection.name,
    filter,
    sort,
    limit,
    // One more, so that the server closes the cursor with the last document.
    batchSize: limit + 1,
    ...(readConcern && { readConcern: readConcern.toJSON() }),
  };
  const options = {
    fieldsAsRaw: { firstBatch: true },
    promoteLongs: false,
    ...(readPreference && { readPreference }),
  };
  const { cursor } = (await db.command(command, options)) as { cursor: FirstBatch };
  if (cursor.id.isZero()) return cursor.firstBatch;
  await db.command({ killCursors: model.collection.name, cursors: [cursor.id] });
  return null;
}

/** The document as a query that is not for bytes returns it. @throws BSONError when the bytes are not a document */
export function decodeDocument<T>(raw: Uint8Array): T {
  return mongo.BSON.deserialize(raw) as T;
}
