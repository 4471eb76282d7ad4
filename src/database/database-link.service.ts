import {
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
import { connectOptions, MAJORITY_JOURNALED } from './connect-options.js';
import { DatabaseServer } from './database-server.js';
import { StartSteps } from './start-steps.js';

const RETRY_MS = 1_000;

/**
 * Brings the connection up and the start steps through, in the background and for as long as it takes: a service that
 * waits for its database still answers `/health`, and is not restarted for somebody else's outage.
 */
@Injectable()
export class DatabaseLink implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(DatabaseLink.name);
  private readonly stop = new AbortController();
  private bringUp: Promise<void> = Promise.resolve();
  private isStarted = false;

  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly server: DatabaseServer,
    private readonly steps: StartSteps,
  ) {}

  /** True from the end of the last start step on. */
  get hasStarted(): boolean {
    return this.isStarted;
  }

  /** Not awaited by Nest on purpose: the ports open while the database is still being looked for. */
  onApplicationBootstrap(): void {
    this.bringUp = this.start();
  }

  /** Resolves when the start steps are through, or the service is stopping. */
  whenStarted(): Promise<void> {
    return this.bringUp;
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.bringUp;
    await this.connection.close();
    await this.server.stop();
  }

  private async start(): Promise<void> {
    await this.untilDone('connect', async () => {
      const uri = await this.server.start();
      await this.connection.openUri(uri, connectOptions(this.settings));
    });
    await this.untilDone('collections and indexes', () => this.createCollections());
    for (const step of this.steps.list()) await this.untilDone(step.name, step.run);
    this.isStarted = !this.stop.signal.aborted;
  }

  private async untilDone(name: string, run: () => Promise<void>): Promise<void> {
    while (!this.stop.signal.aborted) {
      try {
        return await run();
      } catch (error) {
        this.logger.error({ err: error, retryMs: RETRY_MS }, `start step "${name}" failed, trying again`);
        await sleep(RETRY_MS, undefined, { signal: this.stop.signal }).catch(() => undefined);
      }
    }
  }

  private async createCollections(): Promise<void> {
    for (const model of Object.values(this.connection.models)) {
      await model.createCollection({ writeConcern: MAJORITY_JOURNALED });
      await model.createIndexes();
    }
  }
}
