import { Global, Injectable, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { getConnectionToken, InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { SETTINGS, type Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { StartupTasks } from './database-connection.js';
import { DatabaseServer } from './database-server.js';
import { DatabaseTime } from './database-time.js';
import { unopenedConnection } from './database.module.js';
import { DeploymentIdService } from './deployment-id.service.js';
import { SchemaMigrator, schemaMigratorProvider } from './migrations/schema-migrator.js';
import { SchemaStateRepository } from './migrations/schema-state.repository.js';

/**
 * The connection of one command. In contrast to `DatabaseConnection` it is opened once and not retried, and neither the
 * schema check nor the startup tasks run: `schema` and `init` must work where the service refuses to start.
 */
@Injectable()
export class CommandDatabase implements OnApplicationShutdown {
  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly server: DatabaseServer,
  ) {}

  /** The name of the database. */
  get name(): string {
    return this.connection.name;
  }

  /** Starts the embedded database when MONGODB_URL is not set. @throws errors of the driver */
  async open(): Promise<void> {
    await this.connection.openUri(await this.server.start(), connectOptions(this.settings));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.connection.close();
    await this.server.stop();
  }
}

/** The database for one command, in place of `DatabaseModule`. It starts no background work. */
@Global()
@Module({
  providers: [
    { provide: getConnectionToken(), useFactory: unopenedConnection },
    {
      provide: SchemaStateRepository,
      inject: [getConnectionToken()],
      useFactory: (connection: Connection) => new SchemaStateRepository(connection),
    },
    CommandDatabase,
    DatabaseServer,
    DatabaseTime,
    DeploymentIdService,
    // Features register startup tasks here; a command does not run them.
    StartupTasks,
    schemaMigratorProvider,
  ],
  exports: [
    getConnectionToken(),
    CommandDatabase,
    DatabaseTime,
    DeploymentIdService,
    SchemaMigrator,
    SchemaStateRepository,
    StartupTasks,
  ],
})
export class CommandDatabaseModule {}
