import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { EventStream, InstanceIdentity, InstanceRegistry } from '../cluster/index.js';
import { BackgroundJobs } from '../core/index.js';
import { DatabaseConnection } from '../database/index.js';
import { InstancesRepository, type LiveInstance } from './instances.repository.js';

const INTERVAL_MS = 2_000;

/**
 * Keeps the instances with a heartbeat in storage in memory, and passes the others to the event stream. A failed read keeps
 * the last result; `EventStream` uses it for 20 s.
 *
 * A new instance records its first heartbeat before its schema check, so before it accepts a request. The other instances
 * read it at most one interval and one read later (2.2 s, and at most `MONGODB_TIMEOUT_MS` more). A new instance that is
 * ready sooner can revoke access within this time without the other instances regarding it as alive. With Redis its events
 * arrive nevertheless. Without Redis a cache of access rights can answer with the revoked right until this read.
 */
@Injectable()
export class InstancesPoller implements OnApplicationBootstrap {
  private alive: readonly LiveInstance[] = [];
  private resolveRead: () => void = () => undefined;
  private readonly read = new Promise<void>((resolve) => (this.resolveRead = resolve));

  constructor(
    private readonly instances: InstancesRepository,
    private readonly stream: EventStream,
    private readonly identity: InstanceIdentity,
    private readonly registry: InstanceRegistry,
    private readonly databaseConnection: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
  ) {}

  /** The other instances at the last successful read; empty before the first. */
  get others(): readonly LiveInstance[] {
    return this.alive;
  }

  /** Resolves after the first successful read. */
  whenRead(): Promise<void> {
    return this.read;
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'instances-poller',
      intervalMs: INTERVAL_MS,
      runsAtStart: true,
      startsAfter: () => this.databaseConnection.whenStarted(),
      run: () => this.poll(),
    });
  }

  private async poll(): Promise<void> {
    const startedMs = performance.now();
    const { databaseTime, alive } = await this.instances.readAlive();
    this.alive = alive.filter(({ id }) => id !== this.identity.id);
    this.stream.setAlive(new Set(this.alive.map(({ id }) => id)));
    this.registry.lastRead = { startedMs, databaseTime };
    this.resolveRead();
  }
}
