import type { Connection } from 'mongoose';
import { storageUnavailable } from './storage-errors.js';

/**
 * What time it is in the database (`hello.localTime`): the one clock that all instances share.
 * @throws storage/unavailable before the first connection; the driver's errors in an outage
 */
export async function readDatabaseTime(connection: Connection): Promise<Date> {
  if (!connection.db) throw storageUnavailable();
  const { localTime } = (await connection.db.command({ hello: 1 })) as { localTime: Date };
  return localTime;
}
