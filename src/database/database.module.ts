import { Global, Module } from '@nestjs/common';
import { getConnectionToken } from '@nestjs/mongoose';
import { type Connection, createConnection } from 'mongoose';
import { ERROR_TRANSLATOR } from '../common/index.js';
import { settleAbandonedWrites } from './abandoned-writes.js';
import { DatabaseLink } from './database-link.service.js';
import { DatabaseServer } from './database-server.js';
import { DatabaseTime } from './database-time.js';
import { DeploymentId } from './deployment-id.service.js';
import { Leases } from './leases.repository.js';
import { SchemaGate } from './schema/schema-gate.service.js';
import { schemaMigrationsProvider } from './schema/schema-migrations.provider.js';
import { SchemaStatus } from './schema/schema-status.service.js';
import { StartSteps } from './start-steps.js';
import { translateStorageError } from './storage-errors.js';

function unopenedConnection(): Connection {
  settleAbandonedWrites();
  const connection = createConnection();
  // An outage has to show at once and not as calls that wait in a queue.
  Object.assign(connection.config, { bufferCommands: false });
  return connection;
}

@Global()
@Module({
  providers: [
    // In place of MongooseModule.forRoot, which waits for the database before any port opens and gives up after some
    // tries: here it is made without an address, and `DatabaseLink` opens it, again and again if it must.
    { provide: getConnectionToken(), useFactory: unopenedConnection },
    DatabaseServer,
    DatabaseTime,
    DatabaseLink,
    StartSteps,
    SchemaStatus,
    SchemaGate,
    schemaMigrationsProvider,
    DeploymentId,
    Leases,
    { provide: ERROR_TRANSLATOR, useValue: translateStorageError },
  ],
  exports: [
    getConnectionToken(),
    DatabaseLink,
    DatabaseTime,
    StartSteps,
    SchemaStatus,
    DeploymentId,
    Leases,
    ERROR_TRANSLATOR,
  ],
})
export class DatabaseModule {}
