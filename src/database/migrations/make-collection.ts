import { mongo } from 'mongoose';

const NAMESPACE_EXISTS = 48;

/** A collection and its indexes; what is there already, from this step or an earlier release, stays as it is. */
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
