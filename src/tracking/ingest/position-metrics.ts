import { Inject, Injectable } from '@nestjs/common';
import {
  Clock,
  DomainError,
  ERROR_TRANSLATOR,
  type ErrorTranslator,
  Metrics,
  type ReportAnswer,
  type Verdict,
} from '../../core/index.js';
import { GroupCommit } from './group-commit.js';

/** Through which door a report came. */
export type IngestSource = 'socket' | 'http' | 'legacy';

const INGEST_SOURCES: readonly IngestSource[] = ['socket', 'http', 'legacy'];
const VERDICTS: readonly Verdict[] = ['stored', 'duplicate', 'quarantined', 'rejected'];

/** What becomes of the positions that come in, and how many wait for storage. */
@Injectable()
export class PositionMetrics {
  private readonly positions;
  private readonly failures;

  constructor(
    metrics: Metrics,
    groupCommit: GroupCommit,
    clock: Clock,
    @Inject(ERROR_TRANSLATOR) private readonly translate: ErrorTranslator,
  ) {
    this.positions = metrics.counter({
      name: 'samserver_positions_total',
      help: 'Positions that were judged and answered, by verdict and by the way they came in.',
      labelNames: ['verdict', 'way'],
    });
    // From the first scrape on: a series that begins with its first event hides that event from `increase`.
    for (const way of INGEST_SOURCES) for (const verdict of VERDICTS) this.positions.inc({ verdict, way }, 0);
    this.failures = metrics.counter({
      name: 'samserver_position_reports_failed_total',
      help: 'Reports of one or more positions that were not confirmed, by error code; their devices send them again.',
      labelNames: ['way', 'code'],
    });
    metrics.gauge({
      name: 'samserver_positions_waiting',
      help: 'Positions that are not durable yet: in the queue, or in the write that is under way.',
      collect: (gauge) => gauge.set(groupCommit.waiting),
    });
    metrics.gauge({
      name: 'samserver_positions_oldest_waiting_seconds',
      help: 'How long the oldest position that is not durable yet has been waiting; 0 when none waits.',
      collect: (gauge) => {
        const nowMs = clock.nowMs();
        gauge.set(Math.max(0, nowMs - (groupCommit.oldestWaitingMs ?? nowMs)) / 1_000);
      },
    });
  }

  /** Counts what a report comes to. */
  async count(way: IngestSource, report: () => Promise<ReportAnswer>): Promise<ReportAnswer> {
    try {
      const answer = await report();
      for (const verdict of VERDICTS) {
        if (answer[verdict] > 0) this.positions.inc({ verdict, way }, answer[verdict]);
      }
      return answer;
    } catch (error) {
      this.failures.inc({ way, code: this.codeOf(error) });
      throw error;
    }
  }

  /** The one that the device is answered with. */
  private codeOf(error: unknown): string {
    return (error instanceof DomainError ? error : this.translate(error))?.code ?? 'internal';
  }
}
