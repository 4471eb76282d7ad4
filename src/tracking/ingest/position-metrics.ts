import { Inject, Injectable } from '@nestjs/common';
import {
  Clock,
  DomainError,
  ERROR_TRANSLATOR,
  type ErrorTranslator,
  Metrics,
  type ReportAnswer,
  VERDICTS,
} from '../../core/index.js';

/** How a report arrived. */
export type IngestSource = 'socket' | 'http' | 'legacy';

const INGEST_SOURCES: readonly IngestSource[] = ['socket', 'http', 'legacy'];

/** What the gauges read from the queue before storage. */
interface IngestQueue {
  /** Positions that are not durable yet. */
  readonly waiting: number;
  /** Arrival of the oldest of them, epoch milliseconds; null when none waits. */
  readonly oldestWaitingMs: number | null;
}

/** Counts positions by verdict, and shows how many wait for storage. */
@Injectable()
export class PositionMetrics {
  /** The series of each way, in the order of `VERDICTS`. */
  private readonly series: Readonly<Record<IngestSource, readonly { inc(count: number): void }[]>>;
  private readonly failures;

  constructor(
    private readonly metrics: Metrics,
    private readonly clock: Clock,
    @Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator,
  ) {
    const positions = metrics.counter({
      name: 'samserver_positions_total',
      help: 'Positions that were validated and answered, by verdict and by the way they arrived.',
      labelNames: ['verdict', 'way'],
    });
    // Every series exists from the first scrape on: otherwise its first event is invisible to `increase`.
    const seriesOf = (way: IngestSource): { inc(count: number): void }[] =>
      VERDICTS.map((verdict) => positions.labels({ verdict, way }));
    this.series = { socket: seriesOf('socket'), http: seriesOf('http'), legacy: seriesOf('legacy') };
    for (const way of INGEST_SOURCES) for (const each of this.series[way]) each.inc(0);
    this.failures = metrics.counter({
      name: 'samserver_position_reports_failed_total',
      help: 'Reports of one or more positions that were not confirmed, by error code; their devices send them again.',
      labelNames: ['way', 'code'],
    });
  }

  observeQueue(queue: IngestQueue): void {
    this.metrics.gauge({
      name: 'samserver_positions_waiting',
      help: 'Positions that are not durable yet: in the queue, or in the current write.',
      collect: (gauge) => gauge.set(queue.waiting),
    });
    this.metrics.gauge({
      name: 'samserver_positions_oldest_waiting_seconds',
      help: 'How long the oldest position that is not durable yet has been waiting; 0 when none waits.',
      collect: (gauge) => {
        const nowMs = this.clock.nowMs();
        gauge.set(Math.max(0, nowMs - (queue.oldestWaitingMs ?? nowMs)) / 1_000);
      },
    });
  }

  observeClocks(countBehind: () => number): void {
    this.metrics.gauge({
      name: 'samserver_vehicles_clock_behind',
      help: 'Vehicles that report while their newest fix time stands still, as every instance shows them.',
      collect: (gauge) => gauge.set(countBehind()),
    });
  }

  /** Counts the verdicts of a report, or its failure. */
  async count(way: IngestSource, report: () => Promise<ReportAnswer>): Promise<ReportAnswer> {
    try {
      const answer = await report();
      for (const [n, verdict] of VERDICTS.entries())
        if (answer[verdict] > 0) this.series[way][n]?.inc(answer[verdict]);
      return answer;
    } catch (error) {
      this.failures.inc({ way, code: this.codeOf(error) });
      throw error;
    }
  }

  /** The code in the answer to the device. */
  private codeOf(error: unknown): string {
    return (error instanceof DomainError ? error : this.translate(error))?.code ?? 'internal';
  }
}
