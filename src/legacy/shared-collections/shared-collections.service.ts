import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DatabaseConnection, StartupTasks } from '../../database/index.js';
import { LagMonitor } from '../../core/index.js';
import { SharedCollectionsMetrics } from './shared-collections-metrics.js';
import type { AnyMirror } from './mirror.js';

/** Of a stop, for what was taken in a moment ago; what is left is written by whoever starts next. */
const SHUTDOWN_GRACE_MS = 3_000;

/** Those that are kept; none with LEGACY_COLLECTIONS=off. */
export const MIRRORS = Symbol('MIRRORS');

/** Keeps the old server's collections from the first moment to the last. */
@Injectable()
export class SharedCollectionsService
  implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown
{
  constructor(
    @Inject(MIRRORS) private readonly mirrors: readonly AnyMirror[],
    private readonly startupTasks: StartupTasks,
    private readonly database: DatabaseConnection,
    private readonly lagMonitor: LagMonitor,
    private readonly metrics: SharedCollectionsMetrics,
  ) {}

  onModuleInit(): void {
    if (this.mirrors.length === 0) return;
    this.metrics.observe(this.mirrors);
    for (const mirror of this.mirrors) {
      this.startupTasks.add(`old collections: ${mirror.name}`, () => mirror.ensureCursor());
      this.lagMonitor.add(mirror);
    }
  }

  onApplicationBootstrap(): void {
    void this.database.whenStarted().then(() => {
      if (this.database.hasStarted) this.mirrors.forEach((mirror) => mirror.start());
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.mirrors.map((mirror) => mirror.stop(SHUTDOWN_GRACE_MS)));
  }
}
