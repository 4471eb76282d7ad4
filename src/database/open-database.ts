import { type Connection, createConnection } from 'mongoose';
import type { Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { schemaMigrations } from './schema/schema-migrations.provider.js';
import type { SchemaMigrations } from './schema/schema-migrations.js';

/** The database for one command, without the service around it. */
export interface OpenDatabase {
  readonly connection: Connection;
  readonly migrations: SchemaMigrations;
  close(): Promise<void>;
}

/**
 * The database of the settings; the embedded one is started for as long as the command runs.
 * @param onNews told of each step that is run
 * @throws the driver's errors when it is not reachable; DirectoryInUseError while a service serves the embedded one
 */
export async function openDatabase(
  settings: Settings,
  onNews: (news: string) => void,
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
  return { connection, migrations: schemaMigrations(connection, settings, server, onNews), close };
}
