import { type Connection, createConnection } from 'mongoose';
import type { Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';

export interface OpenDatabase {
  readonly connection: Connection;
  close(): Promise<void>;
}

/**
 * For commands: the database that the service would use, without the service and without its start steps.
 * @throws when it does not answer, or when the embedded one is served by a running service
 */
export async function openDatabase(settings: Settings): Promise<OpenDatabase> {
  const server = new DatabaseServer(settings);
  const connection = createConnection();
  try {
    await connection.openUri(await server.start(), connectOptions(settings));
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    connection,
    close: async () => {
      await connection.close();
      await server.stop();
    },
  };
}
