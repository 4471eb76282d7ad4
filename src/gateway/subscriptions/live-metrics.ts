import { Injectable } from '@nestjs/common';
import { Clock, Metrics } from '../../core/index.js';
import type { FrameItem } from './frame-item.js';

/** A frame is sent at once or waits up to 260 ms. Positions of in-doubt writes and released positions take much longer. */
const LATENCY_BUCKETS_S = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30, 120];

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
  recordDelivery(frame: readonly FrameItem[]): void {
    const nowMs = this.clock.nowMs();
    for (const item of frame) {
      if (item.isDelivered) continue;
      item.isDelivered = true;
      this.latencies.observe(Math.max(0, nowMs - item.receivedAtMs) / 1_000);
    }
  }
}
