import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DatabaseLink, StartSteps } from '../../database/index.js';
import { Backlogs } from '../../release/index.js';
import { CollectionsMetrics } from './collections-metrics.js';
import type { AnyMirror } from './mirror.js';

/** Of a stop, for what was taken in a moment ago; what is left is written by whoever starts next. */
const LAST_WRITES_MS = 3_000;

/** Those that are kept; none with LEGACY_COLLECTIONS=off. */
export const MIRRORS = Symbol('MIRRORS');

/** Keeps the old server's collections from the first moment to the last. */
@Injectable()
export class LegacyCollections implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    @Inject(MIRRORS) private readonly mirrors: readonly AnyMirror[],
    private readonly steps: StartSteps,
    private readonly link: DatabaseLink,
    private readonly backlogs: Backlogs,
    private readonly metrics: CollectionsMetrics,
  ) {}

  onModuleInit(): void {
    if (this.mirrors.length === 0) return;
    this.metrics.watch(this.mirrors);
    for (const mirror of this.mirrors) {
      this.steps.add(`old collections: ${mirror.name}`, () => mirror.begin());
      this.backlogs.add(mirror);
    }
  }

  onApplicationBootstrap(): void {
    void this.link.whenStarted().then(() => {
      if (this.link.hasStarted) this.mirrors.forEach((mirror) => mirror.start());
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.mirrors.map((mirror) => mirror.stop(LAST_WRITES_MS)));
  }
}
