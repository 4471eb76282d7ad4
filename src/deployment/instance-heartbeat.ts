import {
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { hostname } from 'node:os';
import { SETTINGS, type Settings } from '../config/index.js';
import { InstanceIdentity, InstanceRegistry } from '../cluster/index.js';
import { BackgroundJobs } from '../core/index.js';
import { DatabaseConnection, SUPPORTED_SCHEMA } from '../database/index.js';
import { InstanceLifecycle } from './instance-lifecycle.js';
import { InstancesRepository } from './instances.repository.js';

const INTERVAL_MS = 5_000;
/** Database operations of one heartbeat; see `InstancesRepository.keepAlive`. */
const OPERATIONS = 4;

/**
 * Announces this instance and its supported schema versions to the other instances. The first announcement precedes the
 * schema check of the start: a contract step announces itself first and then looks for running instances, so at least
 * one of the two finds the other.
 */
@Injectable()
export class InstanceHeartbeat implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    private readonly identity: InstanceIdentity,
    private readonly lifecycle: InstanceLifecycle,
    private readonly instances: InstancesRepository,
    private readonly registry: InstanceRegistry,
    private readonly databaseConnection: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  onModuleInit(): void {
    this.databaseConnection.beforeSchemaCheck.add('heartbeat', () => this.announce());
    this.registry.useRecords({
      announce: () => this.announce(),
      findOthersSince: (since) => this.instances.findOthersSince(this.identity.id, since),
    });
  }

  /** The job does not wait for the end of the start: a blocked instance is alive too. */
  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'instance-heartbeat',
      intervalMs: INTERVAL_MS,
      // The document gets its mark after the last heartbeat. A heartbeat that ends later would make it alive again.
      shutdownTimeoutMs: OPERATIONS * this.settings.mongo.timeoutMs,
      run: () => this.announce(),
    });
  }

  /** Background jobs have ended by now. */
  async onApplicationShutdown(): Promise<void> {
    // Best effort: without the mark, the other instances regard this one as alive for a few more seconds.
    await this.instances.markStopped(this.identity.id).catch(() => undefined);
  }

  private async announce(): Promise<void> {
    const { id, release, startedAt } = this.identity;
    const startedMs = performance.now();
    const claims = this.registry.claimsToRecord;
    const instance = {
      id,
      version: release.version,
      revision: release.revision,
      color: release.color,
      schemaMin: SUPPORTED_SCHEMA.min,
      schemaMax: SUPPORTED_SCHEMA.max,
      state: this.lifecycle.state,
      host: hostname(),
      startedAt,
    };
    await this.instances.keepAlive(instance, claims);
    this.registry.noteAnnounced(startedMs, claims);
  }
}
