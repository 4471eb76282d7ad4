import { type Model, mongo } from 'mongoose';

export interface RawQuery<T> {
  readonly filter: mongo.Filter<T>;
  /** Ascending or descending along an index. */
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  /** Without it, more documents than the first batch of the server need the cursor. */
  readonly limit?: number;
  readonly projection?: Readonly<Record<string, 1>>;
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
  const { filter, ...options } = query;
  const collection = model.collection as unknown as mongo.Collection<mongo.BSON.Document>;
  const found = collection.find(filter as mongo.Filter<mongo.BSON.Document>, { ...options, raw: true });
  return (await found.toArray()) as unknown as Buffer[];
}

/** @returns null when the connection was never made, or when one batch does not hold all documents */
async function findBatch<T>(model: Model<T>, { limit, ...query }: RawQuery<T>): Promise<Buffer[] | null> {
  const { db } = model.db;
  if (!db) return null;
  const { readConcern, readPreference } = db;
  const command = {
    find: model.collection.name,
    ...query,
    // One more, so that the server closes the cursor with the last document.
    ...(limit !== undefined && { limit, batchSize: limit + 1 }),
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

/** The bytes of a value of JSON. */
export function encodeDocument(document: Readonly<Record<string, unknown>>): Uint8Array {
  return mongo.BSON.serialize(document);
}
