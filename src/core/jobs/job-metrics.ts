import type { Metrics } from '../metrics/metrics.js';

/** `aborted`: ended by the shutdown or by the loss of the lock. */
export type RunOutcome = 'completed' | 'failed' | 'aborted';
const OUTCOMES: readonly RunOutcome[] = ['completed', 'failed', 'aborted'];

interface ObservedJob {
  readonly name: string;
  readonly isLeader: boolean;
  /** Milliseconds since 1970; null before the first. */
  readonly completedAtMs: number | null;
}

/** Which background jobs run on this instance, and when each was last completed. */
export class JobMetrics {
  private readonly jobs: ObservedJob[] = [];
  private readonly runs;

  constructor(metrics: Metrics) {
    this.runs = metrics.counter({
      name: 'samserver_job_runs_total',
      help: 'Runs of background jobs on this instance: completed, failed, or aborted by the shutdown or the loss of the lock.',
      labelNames: ['job', 'outcome'],
    });
    metrics.gauge({
      name: 'samserver_job_holds_lock',
      help: '1 while this instance runs a job that one instance runs at a time.',
      labelNames: ['job'],
      collect: (gauge) =>
        this.jobs.forEach(({ name, isLeader }) => gauge.set({ job: name }, isLeader ? 1 : 0)),
    });
    metrics.gauge({
      name: 'samserver_job_completed_timestamp_seconds',
      help: 'End of the last complete run, by any instance for a job with a lock; 0 before the first.',
      labelNames: ['job'],
      collect: (gauge) =>
        this.jobs.forEach(({ name, completedAtMs }) =>
          gauge.set({ job: name }, (completedAtMs ?? 0) / 1_000),
        ),
    });
  }

  add(job: ObservedJob): void {
    this.jobs.push(job);
    for (const outcome of OUTCOMES) this.runs.inc({ job: job.name, outcome }, 0);
  }

  ended(job: ObservedJob, outcome: RunOutcome): void {
    this.runs.inc({ job: job.name, outcome });
  }
}
