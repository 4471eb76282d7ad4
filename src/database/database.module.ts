import { Global, Module } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { ERROR_TRANSLATOR, LOCK_PROVIDER } from '../core/index.js';
import { newConnection } from './connections.js';
import { CursorsRepository } from './cursors.repository.js';
import { DatabaseConnection, StartupTasks } from './database-connection.js';
import { DatabaseServer } from './database-server.js';
import { DatabaseTime } from './database-time.js';
import { DeploymentIdService } from './deployment-id.service.js';
import { LocksService } from './locks.service.js';
import { SchemaGate } from './migrations/schema-gate.service.js';
import { schemaMigratorProvider } from './migrations/schema-migrator.js';
import { SchemaStatus } from './migrations/schema-status.service.js';
import { translateStorageError } from './storage-errors.js';

export function unopenedConnection(): Connection {
  const connection = newConnection();
  // Calls fail at once during an outage and do not wait in a queue.
  Object.assign(connection.config, { bufferCommands: false });
  return connection;
}

@Global()
@Module({
  providers: [
    // Not MongooseModule.forRoot: it opens no port before the database answers and gives up after some attempts.
    // `DatabaseConnection` opens this connection and repeats it until it succeeds.
    { provide: getConnectionToken(), useFactory: unopenedConnection },
    DatabaseServer,
    DatabaseTime,
    DatabaseConnection,
    StartupTasks,
    SchemaStatus,
    SchemaGate,
    schemaMigratorProvider,
    DeploymentIdService,
    CursorsRepository,
    LocksService,
    { provide: LOCK_PROVIDER, useExisting: LocksService },
    { provide: ERROR_TRANSLATOR, useValue: translateStorageError },
  ],
  exports: [
    getConnectionToken(),
    DatabaseConnection,
    DatabaseTime,
    StartupTasks,
    SchemaStatus,
    DeploymentIdService,
    CursorsRepository,
    LocksService,
    LOCK_PROVIDER,
    ERROR_TRANSLATOR,
  ],
})
export class DatabaseModule {}
