import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { SETTINGS, type Settings } from '../config/index.js';
import { DeploymentIdRepository } from './deployment-id.repository.js';
import { StartupTasks } from './startup-tasks.js';

/** The random id that ties the database and the picture volume of one deployment together; `samserver init` makes it. */
@Injectable()
export class DeploymentIdService implements OnModuleInit {
  private readonly repository: DeploymentIdRepository;

  constructor(
    @InjectConnection() connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly startupTasks: StartupTasks,
  ) {
    this.repository = new DeploymentIdRepository(connection);
  }

  /** An evaluation database is always a fresh start; elsewhere one that made its own would hide a wrong address. */
  onModuleInit(): void {
    if (this.settings.mongo.url !== null) return;
    this.startupTasks.add('deployment id', async () => void (await this.repository.keep(randomUUID())));
  }

  /** Null: this database was never initialised. */
  find(): Promise<string | null> {
    return this.repository.find();
  }

  /** Writes the id unless the database has one. @returns the id that the database has now */
  keep(id: string): Promise<string> {
    return this.repository.keep(id);
  }
}
