import { type ConnectOptions, type Connection, createConnection } from 'mongoose';
import { patchClosedConnections } from './closed-connections.js';
import { patchOperationTimeLimit } from './operation-time-limit.js';

/** A connection that is not open yet. All connections are made here, so that each has the corrections of the driver. */
export function newConnection(): Connection {
  patchOperationTimeLimit();
  patchClosedConnections();
  return createConnection();
}

/** @throws errors of the driver; no part of the connection stays open then */
export async function openConnection(url: string, options: ConnectOptions): Promise<Connection> {
  const connection = newConnection();
  try {
    return await connection.openUri(url, options);
  } catch (error) {
    await connection.close(true);
    throw error;
  }
}
