import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, STATES } from 'mongoose';
import { storageUnavailable } from './storage-errors.js';

/**
 * The database's clock (`hello.localTime`). Instances compare times of this clock only, for locks and heartbeats: their
 * own clocks may differ.
 * @throws storage/unavailable at once without a connection; the driver's errors in an outage
 */
export async function readDatabaseTime({ db, readyState }: Connection): Promise<Date> {
  // The driver would wait for a connection longer than the callers can.
  if (!db || readyState !== STATES.connected) throw storageUnavailable();
  const { localTime } = (await db.command({ hello: 1 })) as { localTime: Date };
  return localTime;
}

/** `readDatabaseTime` for features that do not inject a connection. */
@Injectable()
export class DatabaseTime {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  read(): Promise<Date> {
    return readDatabaseTime(this.connection);
  }
}
