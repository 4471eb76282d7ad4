import { type FactoryProvider, Logger } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SETTINGS, type Settings } from '../../config/index.js';
import { createLockOwner } from '../database-lock.js';
import { DatabaseServer } from '../database-server.js';
import { MIGRATIONS } from './index.js';
import { SchemaMigrator } from './schema-migrator.js';
import { SchemaStateRepository } from './schema-state.repository.js';
import { openStepConnection } from './step-connection.js';

/** The application's own steps on the database of the settings. */
export function createSchemaMigrator(
  connection: Connection,
  settings: Settings,
  server: DatabaseServer,
  onProgress: (message: string) => void,
): SchemaMigrator {
  return new SchemaMigrator({
    repository: new SchemaStateRepository(connection),
    steps: MIGRATIONS,
    owner: createLockOwner(),
    openConnection: async () => openStepConnection(await server.start(), settings),
    onProgress,
  });
}

export const schemaMigratorProvider: FactoryProvider<SchemaMigrator> = {
  provide: SchemaMigrator,
  inject: [getConnectionToken(), SETTINGS, DatabaseServer],
  useFactory: (connection: Connection, settings: Settings, server: DatabaseServer) => {
    const logger = new Logger(SchemaMigrator.name);
    return createSchemaMigrator(connection, settings, server, (message) => logger.log(message));
  },
};
