import { Global, Module } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import { type Connection, createConnection } from 'mongoose';
import { ERROR_TRANSLATOR } from '../core/index.js';
import { patchStalledWrites } from './stalled-write-patch.js';
import { DatabaseConnection } from './database-connection.js';
import { DatabaseServer } from './database-server.js';
import { DatabaseTime } from './database-time.js';
import { DeploymentIdService } from './deployment-id.service.js';
import { LockRepository } from './lock.repository.js';
import { SchemaGate } from './migrations/schema-gate.service.js';
import { schemaMigratorProvider } from './migrations/schema-migrator.provider.js';
import { SchemaStatus } from './migrations/schema-status.service.js';
import { StartupTasks } from './startup-tasks.js';
import { translateStorageError } from './storage-errors.js';

export function unopenedConnection(): Connection {
  patchStalledWrites();
  const connection = createConnection();
  // An outage has to show at once and not as calls that wait in a queue.
  Object.assign(connection.config, { bufferCommands: false });
  return connection;
}

@Global()
@Module({
  providers: [
    // In place of MongooseModule.forRoot, which waits for the database before any port opens and gives up after some
    // tries: here it is made without an address, and `DatabaseConnection` opens it, again and again if it must.
    { provide: getConnectionToken(), useFactory: unopenedConnection },
    DatabaseServer,
    DatabaseTime,
    DatabaseConnection,
    StartupTasks,
    SchemaStatus,
    SchemaGate,
    schemaMigratorProvider,
    DeploymentIdService,
    LockRepository,
    { provide: ERROR_TRANSLATOR, useValue: translateStorageError },
  ],
  exports: [
    getConnectionToken(),
    DatabaseConnection,
    DatabaseTime,
    StartupTasks,
    SchemaStatus,
    DeploymentIdService,
    LockRepository,
    ERROR_TRANSLATOR,
  ],
})
export class DatabaseModule {}
