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
import { SchemaGate } from './schema/schema-gate.service.js';
import { StartSteps } from './start-steps.js';

const RETRY_MS = 1_000;

/** How far the start has come. `blocked`: the schema is not one that this release works with, and is looked at again. */
export type DatabasePhase = 'connecting' | 'migrating' | 'blocked' | 'starting' | 'started';

/**
 * Brings the connection up, waits for a schema that fits and brings the start steps through, in the background and for
 * as long as it takes: a service that waits for its database still answers `/health`, and is not restarted for somebody
 * else's outage.
 */
@Injectable()
export class DatabaseLink
  implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(DatabaseLink.name);
  private readonly stop = new AbortController();
  private bringUp: Promise<void> = Promise.resolve();
  private reached: DatabasePhase = 'connecting';
  /** What has to be written before this instance looks at the schema, so that whoever changes it knows of us. */
  readonly beforeSchema = new StartSteps();

  constructor(
    @InjectConnection() private readonly connection: Connection,
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly server: DatabaseServer,
    private readonly gate: SchemaGate,
    private readonly steps: StartSteps,
  ) {}

  get phase(): DatabasePhase {
    return this.reached;
  }

  /** True from the end of the last start step on. */
  get hasStarted(): boolean {
    return this.reached === 'started';
  }

  /** Not awaited by Nest on purpose: the ports open while the database is still being looked for. */
  onApplicationBootstrap(): void {
    this.bringUp = this.start();
  }

  /** Resolves when the start steps are through, or the service is stopping. */
  whenStarted(): Promise<void> {
    return this.bringUp;
  }

  /** Before anybody's shutdown: those who wait for `whenStarted` would be waited for, and nobody would end. */
  beforeApplicationShutdown(): void {
    this.stop.abort();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.bringUp;
    await this.connection.close();
    await this.server.stop();
  }

  private async start(): Promise<void> {
    await this.untilDone('connect', async () => {
      const uri = await this.server.start();
      await this.connection.openUri(uri, connectOptions(this.settings));
    });
    for (const step of this.beforeSchema.list()) await this.untilDone(step.name, step.run);
    await this.gate.untilFits(this.stop.signal, (phase) => (this.reached = phase));
    if (this.stop.signal.aborted) return;
    this.reached = 'starting';
    for (const step of this.steps.list()) await this.untilDone(step.name, step.run);
    if (!this.stop.signal.aborted) this.reached = 'started';
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
}
