import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { BackgroundJobs, LagMonitor, Metrics } from '../../core/index.js';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import type { Mirror } from './mirror.js';

/** Token of the list of mirrors. The list is empty with LEGACY_COLLECTIONS=off. */
export const MIRRORS = Symbol('MIRRORS');

/** Starts and stops the mirrors, and shows their lag. */
@Injectable()
export class SharedCollectionsService
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown
{
  constructor(
    @Inject(MIRRORS) private readonly mirrors: readonly Mirror<unknown>[],
    private readonly startupTasks: StartupTasks,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly lagMonitor: LagMonitor,
    private readonly metrics: Metrics,
  ) {}

  onModuleInit(): void {
    if (this.mirrors.length === 0) return;
    this.observe();
    for (const mirror of this.mirrors) {
      this.startupTasks.add(`old collections: ${mirror.name}`, () => mirror.ensureCursor());
      this.lagMonitor.add(mirror);
    }
  }

  onApplicationBootstrap(): void {
    void this.database.whenStarted().then((hasStarted) => {
      if (hasStarted) this.mirrors.forEach((mirror) => mirror.start(this.jobs));
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.mirrors.map((mirror) => mirror.stop()));
  }

  private observe(): void {
    this.metrics.gauge({
      name: 'samserver_legacy_collections_lag_seconds',
      help: "Age of the oldest item that is not in the old server's collections yet; 0 without one.",
      labelNames: ['kind'],
      collect: (gauge) => this.mirrors.forEach(({ name, lagMs }) => gauge.set({ kind: name }, lagMs / 1_000)),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_collections_failing',
      help: "1 while writing the old server's collections fails and is retried.",
      labelNames: ['kind'],
      collect: (gauge) =>
        this.mirrors.forEach(({ name, isFailing }) => gauge.set({ kind: name }, isFailing ? 1 : 0)),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_collections_written',
      help: "Documents of the old server's collections that this process has written since its start.",
      labelNames: ['kind'],
      collect: (gauge) => this.mirrors.forEach(({ name, written }) => gauge.set({ kind: name }, written)),
    });
  }
}
