import { Injectable } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import { type Connection, STATES } from 'mongoose';
import { storageUnavailable } from './storage-errors.js';

/**
 * What time the database says it is (`hello.localTime`). Where instances have to agree on an order of things (who is
 * alive, whose lock has run out), its clock counts and never one of theirs.
 * @throws storage/unavailable without a connection, at once; the driver's errors in an outage
 */
export async function readDatabaseTime({ db, readyState }: Connection): Promise<Date> {
  // The driver would wait for one, and longer than those who ask for the time have.
  if (!db || readyState !== STATES.connected) throw storageUnavailable();
  const { localTime } = (await db.command({ hello: 1 })) as { localTime: Date };
  return localTime;
}

/** `readDatabaseTime`, for rooms that speak to no connection. */
@Injectable()
export class DatabaseTime {
  constructor(@InjectConnection() private readonly connection: Connection) {}

  read(): Promise<Date> {
    return readDatabaseTime(this.connection);
  }
}
