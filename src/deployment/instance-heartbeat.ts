import {
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { hostname } from 'node:os';
import { DatabaseConnection, SUPPORTED_SCHEMA } from '../database/index.js';
import { InstanceIdentity } from './instance-identity.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import { InstancesRepository } from './instances.repository.js';

const EVERY_MS = 5_000;

/**
 * Tells the others that this instance lives and which schemas it works with. The first time is before it looks at the
 * schema itself: whoever is about to take a version away announces that first and looks for instances then, so that
 * one of the two sees the other.
 */
@Injectable()
export class InstanceHeartbeat implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private timer: NodeJS.Timeout | null = null;
  private beating: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly identity: InstanceIdentity,
    private readonly instance: InstanceLifecycle,
    private readonly instances: InstancesRepository,
    private readonly databaseConnection: DatabaseConnection,
  ) {}

  onModuleInit(): void {
    this.databaseConnection.beforeSchemaCheck.add('heartbeat', () => this.announce());
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.beatNow(), EVERY_MS);
    this.timer.unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.isStopped = true;
    if (this.timer) clearInterval(this.timer);
    await this.beating;
    // Best effort: without it, the others take this instance for alive a little longer.
    await this.instances.remove(this.identity.id).catch(() => undefined);
  }

  /** @throws what the driver throws */
  async announce(): Promise<void> {
    const { id, release, startedAt } = this.identity;
    await this.instances.keepAlive({
      id,
      version: release.version,
      revision: release.revision,
      color: release.color,
      schemaMin: SUPPORTED_SCHEMA.min,
      schemaMax: SUPPORTED_SCHEMA.max,
      state: this.instance.state,
      host: hostname(),
      startedAt,
    });
  }

  private beatNow(): void {
    this.beating = this.beat();
  }

  /** Storage's trouble has a check and a log line of its own. */
  private async beat(): Promise<void> {
    if (!this.isStopped) await this.announce().catch(() => undefined);
  }
}
