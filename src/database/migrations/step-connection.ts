import { createConnection, type mongo } from 'mongoose';
import type { Settings } from '../../config/index.js';
import { connectOptions } from '../connect-options.js';
import { storageUnavailable } from '../storage-errors.js';

/** What the steps work on: a connection of their own, so that it can be cut under a step that has lost the lock. */
export interface StepConnection {
  readonly db: mongo.Db;
  /** Cuts whatever is still under way. */
  close(): Promise<void>;
}

export async function openStepConnection(uri: string, settings: Settings): Promise<StepConnection> {
  const connection = createConnection(uri, {
    ...connectOptions(settings),
    // The service's calls must fail fast; an index over a year of positions must not.
    socketTimeoutMS: 0,
    maxPoolSize: 4,
  });
  await connection.asPromise();
  const close = (): Promise<void> => connection.close(true);
  if (connection.db) return { db: connection.db, close };
  await close();
  throw storageUnavailable();
}
