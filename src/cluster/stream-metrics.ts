import { Injectable } from '@nestjs/common';
import { Metrics } from '../core/index.js';

/** Why events of other instances are missing here: this instance read no stream for a while, or an entry is missing. */
export const MISSED_REASONS = ['joined', 'entry_missing'] as const;
export type MissedReason = (typeof MISSED_REASONS)[number];

/** What the gauges read from the stream. */
interface ObservedStream {
  readonly state: string;
  readonly memberIds: ReadonlySet<string>;
}

@Injectable()
export class StreamMetrics {
  private readonly events;
  private readonly missed;
  private readonly latency;

  constructor(private readonly metrics: Metrics) {
    this.events = metrics.counter({
      name: 'samserver_shared_events_total',
      help: 'Events shared between instances: written, lost on the way to Redis, or received from others.',
      labelNames: ['outcome'],
    });
    for (const outcome of ['written', 'lost', 'received']) this.events.inc({ outcome }, 0);
    this.missed = metrics.counter({
      name: 'samserver_shared_events_missed_total',
      help: 'Times that events of other instances did not arrive, so that this instance read storage and its subscribers got resync.',
      labelNames: ['reason'],
    });
    for (const reason of MISSED_REASONS) this.missed.inc({ reason }, 0);
    this.latency = metrics.histogram({
      name: 'samserver_shared_events_latency_seconds',
      help: 'Time from the write of an own entry of the event stream until this instance read it.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    });
  }

  observe(stream: ObservedStream): void {
    this.metrics.gauge({
      name: 'samserver_event_stream_complete',
      help: 'Whether every event of the other instances arrives here: 1 or 0; 0 also without Redis.',
      collect: (gauge) => gauge.set(stream.state === 'complete' ? 1 : 0),
    });
    this.metrics.gauge({
      name: 'samserver_event_stream_instances',
      help: 'Other instances whose events arrive here.',
      collect: (gauge) => gauge.set(stream.memberIds.size),
    });
  }

  recordWritten(count: number): void {
    this.events.inc({ outcome: 'written' }, count);
  }

  recordLost(count: number): void {
    this.events.inc({ outcome: 'lost' }, count);
  }

  recordReceived(count: number): void {
    this.events.inc({ outcome: 'received' }, count);
  }

  recordMissed(reason: MissedReason): void {
    this.missed.inc({ reason });
  }

  recordEcho(latencyMs: number): void {
    this.latency.observe(latencyMs / 1_000);
  }
}
