import { type Model, type mongo } from 'mongoose';
import { createRequire } from 'node:module';
import { databaseOf } from './collection-of.js';
import { storageUnavailable } from './storage-errors.js';

const DUPLICATE_KEY = 11_000;

/** The parts of the driver that are used (mongodb 7.8, `lib/bulk/common.js` uses them for `insertMany`). */
interface InsertModule {
  readonly InsertOperation: new (
    namespace: unknown,
    documents: readonly Uint8Array[],
    options: object,
    serialized: readonly Uint8Array[],
  ) => object;
}
interface ExecuteModule {
  executeOperation(client: mongo.MongoClient, operation: object): Promise<InsertReply>;
}
interface DriverCollection {
  readonly s: { readonly namespace: unknown };
}
interface InsertReply {
  readonly n: number;
  readonly writeErrors?: readonly { readonly index: number; readonly code: number }[];
  readonly writeConcernError?: unknown;
}

// The copy of the driver that mongoose uses: this package has no other. docker/bundle.mjs replaces these calls.
const driver = createRequire(import.meta.url)('mongodb/lib/operations/execute_operation.js') as ExecuteModule;
const { InsertOperation } = createRequire(import.meta.url)(
  'mongodb/lib/operations/insert.js',
) as InsertModule;

/**
 * Like `insertOrFindDuplicates`, for documents that are BSON already. `insertMany` of the driver accepts only objects, and it
 * is the costliest step of a stored position to make an object and to encode it. The driver repeats the command after a
 * failover, as any insert.
 * @param raws one command: at most 48 MB and 100,000 documents in all
 * @returns the indexes of the documents whose `_id` was stored before
 * @throws storage/unavailable after any other error: then each document may or may not be stored
 */
export function insertRawOrFindDuplicates<T>(
  model: Model<T>,
  raws: readonly Uint8Array[],
): Promise<ReadonlySet<number>> {
  return insertRaw(databaseOf(model.db), model.collection.name, raws);
}

/** As `insertRawOrFindDuplicates`, for a collection without a model. */
export async function insertRaw(
  database: mongo.Db,
  name: string,
  raws: readonly Uint8Array[],
): Promise<ReadonlySet<number>> {
  const collection = database.collection(name) as mongo.Collection & DriverCollection;
  const { writeConcern } = collection;
  const options = { ordered: false, ...(writeConcern && { writeConcern }) };
  const operation = new InsertOperation(collection.s.namespace, raws, options, raws);
  const reply = await driver.executeOperation(database.client, operation).catch((error: unknown) => {
    throw storageUnavailable(error);
  });
  const { n, writeErrors = [], writeConcernError } = reply;
  const isOnlyDuplicates = writeErrors.every(({ code }) => code === DUPLICATE_KEY);
  // MongoDB counts the inserted documents in `n`; some servers count all.
  if (!isOnlyDuplicates || writeConcernError || n + writeErrors.length < raws.length)
    throw storageUnavailable(new Error(`inserted ${n} of ${raws.length}`, { cause: reply }));
  return new Set(writeErrors.map(({ index }) => index));
}
