import { type Connection, createConnection } from 'mongoose';
import type { Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { createSchemaMigrator, type SchemaMigrator } from './migrations/schema-migrator.js';

/** The database for one command, without the service. */
export interface OpenDatabase {
  readonly connection: Connection;
  readonly migrations: SchemaMigrator;
  close(): Promise<void>;
}

/**
 * Opens the database of the settings; starts the embedded one if the settings name none.
 * @param onProgress receives one line at the start and the end of each schema step
 * @throws the driver's errors when the database is not reachable
 */
export async function openDatabase(
  settings: Settings,
  onProgress: (message: string) => void,
): Promise<OpenDatabase> {
  const server = new DatabaseServer(settings);
  const connection = createConnection();
  const close = async (): Promise<void> => {
    await connection.close();
    await server.stop();
  };
  try {
    await connection.openUri(await server.start(), connectOptions(settings));
  } catch (error) {
    await close();
    throw error;
  }
  return { connection, migrations: createSchemaMigrator(connection, settings, server, onProgress), close };
}
