import { Injectable } from '@nestjs/common';
import { Clock, Metrics } from '../../core/index.js';
import type { RecordedPosition } from '../../core/index.js';

/** A frame waits up to 260 ms. Positions of in-doubt writes and released positions take much longer. */
const LATENCY_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30, 120];

/** Delay from arrival of a position to its delivery to subscribers. */
@Injectable()
export class LiveMetrics {
  private readonly latencies;

  constructor(
    metrics: Metrics,
    private readonly clock: Clock,
  ) {
    this.latencies = metrics.histogram({
      name: 'samserver_fix_to_watcher_seconds',
      help: "Time from a position's arrival to the moment its frame was handed to the subscribers' sockets.",
      buckets: LATENCY_BUCKETS_S,
    });
  }

  /** Observes each position once, independent of the number of subscribers. */
  recordDelivery(frame: readonly RecordedPosition[]): void {
    const nowMs = this.clock.nowMs();
    for (const { position } of frame) {
      this.latencies.observe(Math.max(0, nowMs - position.receivedAtMs) / 1_000);
    }
  }
}
