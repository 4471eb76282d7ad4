import { Injectable } from '@nestjs/common';
import { Metrics } from '../../core/index.js';
import type { AnyMirror } from './mirror.js';

/** How far the old collections are behind. */
@Injectable()
export class SharedCollectionsMetrics {
  constructor(private readonly metrics: Metrics) {}

  observe(mirrors: readonly AnyMirror[]): void {
    this.metrics.gauge({
      name: 'samserver_legacy_collections_lag_seconds',
      help: "How long the oldest thing that is not in the old server's collections yet has been waiting; 0 when none waits.",
      labelNames: ['kind'],
      collect: (gauge) => mirrors.forEach(({ name, lagMs }) => gauge.set({ kind: name }, lagMs / 1_000)),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_collections_failing',
      help: "1 while the old server's collections cannot be written, and it is tried again.",
      labelNames: ['kind'],
      collect: (gauge) =>
        mirrors.forEach(({ name, isInTrouble }) => gauge.set({ kind: name }, isInTrouble ? 1 : 0)),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_collections_written',
      help: "Documents of the old server's collections that this process has written since it started.",
      labelNames: ['kind'],
      collect: (gauge) => mirrors.forEach(({ name, written }) => gauge.set({ kind: name }, written)),
    });
  }
}
