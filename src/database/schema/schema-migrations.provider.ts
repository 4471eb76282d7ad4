import { type FactoryProvider, Logger } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DatabaseServer } from '../database-server.js';
import { MIGRATIONS } from '../migrations/index.js';
import { SchemaMigrations } from './schema-migrations.js';
import { schemaOwner } from './schema-owner.js';
import { SchemaStateRepository } from './schema-state.repository.js';
import { openStepConnection } from './step-connection.js';

/** The application's own steps on the database of the settings. */
export function schemaMigrations(
  connection: Connection,
  settings: Settings,
  server: DatabaseServer,
  onNews: (news: string) => void,
): SchemaMigrations {
  return new SchemaMigrations({
    repository: new SchemaStateRepository(connection),
    steps: MIGRATIONS,
    owner: schemaOwner(),
    openConnection: async () => openStepConnection(await server.start(), settings),
    onNews,
  });
}

export const schemaMigrationsProvider: FactoryProvider<SchemaMigrations> = {
  provide: SchemaMigrations,
  inject: [getConnectionToken(), SETTINGS, DatabaseServer],
  useFactory: (connection: Connection, settings: Settings, server: DatabaseServer) => {
    const logger = new Logger(SchemaMigrations.name);
    return schemaMigrations(connection, settings, server, (news) => logger.log(news));
  },
};
