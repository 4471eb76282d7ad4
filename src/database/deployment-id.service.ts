import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { randomUUID } from 'node:crypto';
import { SETTINGS, type Settings } from '../config/index.js';
import { DeploymentRepository } from './deployment.repository.js';
import { StartSteps } from './start-steps.js';

/** The random id that ties the database and the picture volume of one deployment together; `samserver init` makes it. */
@Injectable()
export class DeploymentId implements OnModuleInit {
  private readonly repository: DeploymentRepository;

  constructor(
    @InjectConnection() connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly steps: StartSteps,
  ) {
    this.repository = new DeploymentRepository(connection);
  }

  /** An evaluation database is always a fresh start; elsewhere one that made its own would hide a wrong address. */
  onModuleInit(): void {
    if (this.settings.mongo.url !== null) return;
    this.steps.add('deployment id', async () => void (await this.repository.keep(randomUUID())));
  }

  /** Null: this database was never initialised. */
  find(): Promise<string | null> {
    return this.repository.find();
  }
}
