import { type Connection, createConnection } from 'mongoose';
import type { Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { createSchemaMigrator } from './migrations/schema-migrator.provider.js';
import type { SchemaMigrator } from './migrations/schema-migrator.js';

/** The database for one command, without the service around it. */
export interface OpenDatabase {
  readonly connection: Connection;
  readonly migrations: SchemaMigrator;
  close(): Promise<void>;
}

/**
 * The database of the settings; the embedded one is started for as long as the command runs.
 * @param onProgress told of each step that is run
 * @throws the driver's errors when it is not reachable; DirectoryInUseError while a service serves the embedded one
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
