import type { Connection, mongo } from 'mongoose';
import { storageUnavailable } from './storage-errors.js';

/** The driver's database. @throws storage/unavailable before the first connection */
export function databaseOf({ db }: Connection): mongo.Db {
  if (!db) throw storageUnavailable();
  return db;
}

/** A collection without a mongoose model. @throws storage/unavailable before the first connection */
export function collectionOf<T extends mongo.Document>(
  connection: Connection,
  name: string,
): mongo.Collection<T> {
  return databaseOf(connection).collection<T>(name);
}
