import { Injectable } from '@nestjs/common';
import { Clock, Metrics } from '../../core/index.js';
import type { RecordedPosition } from '../../core/index.js';

/** A frame waits up to 250 ms; a fix that was not confirmed at once, or was released, comes much later. */
const LATENCY_BUCKETS_S = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30, 120];

/** How long dispatchers wait to see what has arrived. */
@Injectable()
export class LiveMetrics {
  private readonly latencies;

  constructor(
    metrics: Metrics,
    private readonly clock: Clock,
  ) {
    this.latencies = metrics.histogram({
      name: 'samserver_fix_to_watcher_seconds',
      help: "From a fix's arrival here to the moment when its frame was handed to the sockets of those who watch.",
      buckets: LATENCY_BUCKETS_S,
    });
  }

  /** Each fix once, however many watch it. */
  recordDelivery(frame: readonly RecordedPosition[]): void {
    const nowMs = this.clock.nowMs();
    for (const { position } of frame) {
      this.latencies.observe(Math.max(0, nowMs - position.receivedAtMs) / 1_000);
    }
  }
}
