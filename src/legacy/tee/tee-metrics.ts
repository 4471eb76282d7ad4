import { Injectable } from '@nestjs/common';
import { Metrics } from '../../core/index.js';
import { type LegacyPostKind, POST_KINDS } from '../legacy-metrics.js';
import { TEE_OUTCOMES, type TeeOutcome } from './teed-post.js';

/** What the gauges read. */
interface TeeLevel {
  readonly waiting: number;
  readonly lagMs: number;
}

@Injectable()
export class TeeMetrics {
  private readonly settledPosts;
  private readonly lostPosts;
  private readonly addedSeconds;
  private readonly answerSeconds;

  constructor(private readonly metrics: Metrics) {
    this.settledPosts = metrics.counter({
      name: 'samserver_legacy_tee_posts_total',
      help: 'Requests of boxes for the old server, by kind and outcome: taken (it answered), uncertain (sent, no answer, not repeated), expired (no connection in time), withheld (it would have ended the old server), refused (no room).',
      labelNames: ['post', 'outcome'],
    });
    this.lostPosts = metrics.counter({
      name: 'samserver_legacy_tee_owed_lost_total',
      help: 'Requests of boxes that the old server has not confirmed and that are not owed: storage was away, and neither the disk nor the memory had room.',
      labelNames: ['post'],
    });
    for (const post of POST_KINDS) {
      this.lostPosts.inc({ post }, 0);
      for (const outcome of TEE_OUTCOMES) this.settledPosts.inc({ post, outcome }, 0);
    }
    this.addedSeconds = metrics.histogram({
      name: 'samserver_legacy_tee_added_seconds',
      help: 'Time that the answer to a box waited for its request to be on the disk for the old server, after it was stored here.',
      labelNames: ['post'],
      buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.6],
    });
    this.answerSeconds = metrics.histogram({
      name: 'samserver_legacy_tee_delay_seconds',
      help: "Time from the arrival of a box's request to the old server's answer.",
      labelNames: ['post'],
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60],
    });
  }

  observe(level: TeeLevel): void {
    this.metrics.gauge({
      name: 'samserver_legacy_tee_waiting',
      help: 'Requests of boxes that wait for the old server on this instance.',
      collect: (gauge) => gauge.set(level.waiting),
    });
    this.metrics.gauge({
      name: 'samserver_legacy_tee_oldest_seconds',
      help: 'Age of the oldest request that waits for the old server on this instance; 0 without one.',
      collect: (gauge) => gauge.set(level.lagMs / 1_000),
    });
  }

  settled(post: LegacyPostKind, outcome: TeeOutcome): void {
    this.settledPosts.inc({ post, outcome });
  }

  lost(post: LegacyPostKind): void {
    this.lostPosts.inc({ post });
  }

  added(post: LegacyPostKind, ms: number): void {
    this.addedSeconds.observe({ post }, ms / 1_000);
  }

  answered(post: LegacyPostKind, ms: number): void {
    this.answerSeconds.observe({ post }, Math.max(0, ms) / 1_000);
  }
}
