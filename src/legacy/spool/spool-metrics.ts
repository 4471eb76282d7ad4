import { Injectable } from '@nestjs/common';
import { Metrics } from '../../core/index.js';
import { POST_KINDS, type LegacyPostKind } from '../legacy-metrics.js';

/** Why the spool refused a request: no room, its oldest request is too old, the share of one vehicle, or its disk. */
export type SpoolRefusal = 'full' | 'age' | 'share' | 'disk';

const REFUSALS: readonly SpoolRefusal[] = ['full', 'age', 'share', 'disk'];

/** What the gauges read. */
interface SpoolLevel {
  count(kind: LegacyPostKind | 'set-aside'): number;
  readonly sizeBytes: number;
  readonly ageMs: number;
}

@Injectable()
export class SpoolMetrics {
  private readonly drainedPosts;
  private readonly refusedPosts;
  private readonly damagedRanges;

  constructor(private readonly metrics: Metrics) {
    this.drainedPosts = metrics.counter({
      name: 'samserver_legacy_spool_drained_total',
      help: 'Requests of old boxes that were stored from the spool, by kind.',
      labelNames: ['post'],
    });
    for (const post of POST_KINDS) this.drainedPosts.inc({ post }, 0);
    this.refusedPosts = metrics.counter({
      name: 'samserver_legacy_spool_refused_total',
      help: 'Requests of old boxes that the spool refused, answered 503: full, oldest request too old, share of one vehicle used up, disk.',
      labelNames: ['reason'],
    });
    for (const reason of REFUSALS) this.refusedPosts.inc({ reason }, 0);
    this.damagedRanges = metrics.counter({
      name: 'samserver_legacy_spool_damaged_total',
      help: 'Places in files of the spool whose bytes have changed: the requests there are lost.',
    });
  }

  observe(level: SpoolLevel): void {
    this.metrics.gauge({
      name: 'samserver_legacy_spool_posts',
      help: 'Requests of old boxes that wait in the spool of this instance, by kind. `set-aside`: storage refused them for another reason than an outage; the next start tries again.',
      labelNames: ['post'],
      collect: (gauge) => {
        for (const post of [...POST_KINDS, 'set-aside'] as const) gauge.set({ post }, level.count(post));
      },
    });
    this.metrics.gauge({
      name: 'samserver_legacy_spool_bytes',
      help: 'Size of the requests in the spool of this instance.',
      collect: (gauge) => gauge.set(level.sizeBytes),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_spool_oldest_seconds',
      help: 'Age of the oldest request in the spool of this instance; 0 without one.',
      collect: (gauge) => gauge.set(level.ageMs / 1_000),
    });
  }

  drained(post: LegacyPostKind): void {
    this.drainedPosts.inc({ post });
  }

  refused(reason: SpoolRefusal): void {
    this.refusedPosts.inc({ reason });
  }

  damaged(): void {
    this.damagedRanges.inc();
  }
}
