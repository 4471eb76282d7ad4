import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { InjectConnection } from '@nestjs/mongoose';
import type { Connection } from 'mongoose';
import { setTimeout as sleep } from 'node:timers/promises';
import { SETTINGS, type Settings } from '../config/index.js';
import { connectOptions } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { SchemaGate } from './migrations/schema-gate.service.js';
import { StartupTasks } from './startup-tasks.js';

const RETRY_MS = 1_000;

/** How far the start has come. `blocked`: the schema is not one that this release works with, and is looked at again. */
export type DatabasePhase = 'connecting' | 'migrating' | 'blocked' | 'starting' | 'started';

/**
 * Brings the connection up, waits for a schema that fits and brings the start tasks through, in the background and for
 * as long as it takes: a service that waits for its database still answers `/health`, and is not restarted for somebody
 * else's outage.
 */
@Injectable()
export class DatabaseConnection
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(DatabaseConnection.name);
  private readonly stop = new AbortController();
  private startup: Promise<void> = Promise.resolve();
  private currentPhase: DatabasePhase = 'connecting';
  /** What has to be written before this instance looks at the schema, so that whoever changes it knows of us. */
  readonly beforeSchemaCheck = new StartupTasks();

  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly server: DatabaseServer,
    private readonly gate: SchemaGate,
    private readonly tasks: StartupTasks,
  ) {}

  get phase(): DatabasePhase {
    return this.currentPhase;
  }

  /** True from the end of the last start step on. */
  get hasStarted(): boolean {
    return this.currentPhase === 'started';
  }

  /** Not awaited by Nest on purpose: the ports open while the database is still being looked for. */
  onApplicationBootstrap(): void {
    this.startup = this.start();
  }

  /** Resolves when the start tasks are through, or the service is stopping. */
  whenStarted(): Promise<void> {
    return this.startup;
  }

  /** Before anybody's shutdown: those who wait for `whenStarted` would be waited for, and nobody would end. */
  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.startup;
    await this.connection.close();
    await this.server.stop();
  }

  private async start(): Promise<void> {
    await this.retryUntilDone('connect', async () => {
      const uri = await this.server.start();
      await this.connection.openUri(uri, connectOptions(this.settings));
    });
    for (const step of this.beforeSchemaCheck.list()) await this.retryUntilDone(step.name, step.run);
    await this.gate.waitUntilFits(this.stop.signal, (phase) => (this.currentPhase = phase));
    if (this.stop.signal.aborted) return;
    this.currentPhase = 'starting';
    for (const step of this.tasks.list()) await this.retryUntilDone(step.name, step.run);
    if (!this.stop.signal.aborted) this.currentPhase = 'started';
  }

  private async retryUntilDone(name: string, run: () => Promise<void>): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        return await run();
      } catch (error) {
        this.logger.error({ err: error, retryMs: RETRY_MS }, `start step "${name}" failed, trying again`);
        await sleep(RETRY_MS, undefined, { signal: this.stop.signal }).catch(() => undefined);
      }
    }
  }
}
