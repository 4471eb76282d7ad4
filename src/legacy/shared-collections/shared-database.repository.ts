import type { Connection, mongo } from 'mongoose';
import { storageUnavailable } from '../../database/index.js';

/** @throws storage/unavailable before the first connection */
export function sharedDatabase({ db }: Connection): mongo.Db {
  if (!db) throw storageUnavailable();
  return db;
}
