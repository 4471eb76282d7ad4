import { type BeforeApplicationShutdown, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { failureFields } from '../errors/failure-fields.js';
import { Metrics } from '../metrics/metrics.js';
import { JobMetrics, type RunOutcome } from './job-metrics.js';
import { type HeldLock, LOCK_PROVIDER, type LockOptions, type LockProvider } from './lock.js';

const DEFAULT_JITTER = 0.1;
const DEFAULT_SHUTDOWN_TIMEOUT_MS = 3_000;
const DEFAULT_LEASE_MS = 4_000;

interface JobOptions {
  /** Names the job in log lines and metrics, e.g. `session-sweep`. */
  readonly name: string;
  /** Pause between the end of a run and the start of the next one, milliseconds; with a lock, of the runs of all instances. */
  readonly intervalMs: number;
  /** Share by which each pause varies in both directions, so that instances do not run in step. 0…1, default 0.1. */
  readonly jitter?: number;
  /** Pause after a run that failed, milliseconds. Default: `intervalMs`. */
  readonly retryMs?: number;
  /**
   * The first run begins at once instead of after a pause. Default false. Without effect on a job with a lock: its first run
   * begins when the pause after the last complete run, by any instance, is over.
   */
  readonly runsAtStart?: boolean;
  /** The job begins when this resolves with true; with false or after a rejection it never runs. */
  readonly startsAfter?: () => Promise<boolean>;
  /**
   * For work that one instance does for all. A run begins only while this instance holds the lock, and ends when the lock is
   * lost. Another instance repeats a run that did not complete: after a kill within the lease. The lock has the name of the
   * job and a lease of 4 s, unless it is given.
   */
  readonly lock?: Partial<LockOptions>;
  /** Longest time that the shutdown waits for the current run, milliseconds. Default 3,000. */
  readonly shutdownTimeoutMs?: number;
  /**
   * One run. When it fails, the job logs the error and continues; it logs further failures in a row at level debug.
   * @param signal aborted at shutdown and when the lock is lost; belongs to this run
   * @param lock the held lock; null for a job without a lock
   */
  readonly run: (signal: AbortSignal, lock: HeldLock | null) => Promise<void>;
}

/** Periodic work, created by `BackgroundJobs.start`. Its runs never overlap. Its timer does not keep the process alive. */
export class BackgroundJob {
  private readonly logger = new Logger(BackgroundJob.name);
  private readonly shutdown = new AbortController();
  private loop: Promise<void> = Promise.resolve();
  private endPause: (() => void) | null = null;
  private isWoken = false;
  /** The next run does not wait for the pause of all instances. */
  private isForced = false;
  private isFailing = false;
  private holdsLock = false;
  private lastCompletedMs: number | null = null;

  constructor(
    private readonly options: JobOptions,
    private readonly locks: LockProvider | null,
    private readonly metrics: JobMetrics,
  ) {
    if (options.lock && !locks) throw new Error(`job ${options.name}: no lock provider`);
  }

  get name(): string {
    return this.options.name;
  }

  /** True during a run that holds the lock; always false for a job without a lock. */
  get isLeader(): boolean {
    return this.holdsLock;
  }

  /** End of the last complete run, epoch milliseconds; of a job with a lock by any instance. null before the first. */
  get completedAtMs(): number | null {
    return this.lastCompletedMs;
  }

  start(): void {
    this.loop = this.runLoop();
  }

  /**
   * Ends the current pause: the next run begins now, or right after the current run. A job with a lock runs as soon as no
   * other instance runs it, also when another has just completed it.
   */
  trigger(): void {
    this.isWoken = true;
    this.isForced = true;
    this.endPause?.();
  }

  /** Aborts the current run and waits for its end, at most `shutdownTimeoutMs`. No run begins afterwards. */
  async stop(): Promise<void> {
    this.shutdown.abort();
    this.endPause?.();
    const timeoutMs = this.options.shutdownTimeoutMs ?? DEFAULT_SHUTDOWN_TIMEOUT_MS;
    const isStopped = await Promise.race([
      this.loop.then(() => true),
      sleep(timeoutMs, false, { ref: false }),
    ]);
    if (!isStopped) this.logger.warn({ job: this.name, timeoutMs }, 'background job did not stop in time');
  }

  private async runLoop(): Promise<void> {
    const { intervalMs, lock, runsAtStart = false } = this.options;
    if (!(await this.mayStart())) return;
    if (!runsAtStart && !lock) await this.pause(this.varied(intervalMs));
    while (!this.shutdown.signal.aborted) await this.pause(await this.runOnce());
  }

  private async mayStart(): Promise<boolean> {
    const { startsAfter } = this.options;
    if (!startsAfter) return true;
    const { signal } = this.shutdown;
    const stopped = new Promise<boolean>((resolve) =>
      signal.addEventListener('abort', () => resolve(false), { once: true }),
    );
    try {
      return await Promise.race([startsAfter(), stopped]);
    } catch (error) {
      this.logger.error({ err: error, job: this.name }, 'background job not started');
      return false;
    }
  }

  /** @returns the pause before the next run, milliseconds */
  private async runOnce(): Promise<number> {
    const { intervalMs, retryMs = intervalMs } = this.options;
    const isForced = this.isForced;
    this.isForced = false;
    try {
      const retryInMs = await this.runWithLock(isForced);
      if (this.isFailing) this.logger.log({ job: this.name }, 'background job recovered');
      this.isFailing = false;
      if (retryInMs === null) return this.varied(intervalMs);
      this.isForced ||= isForced;
      return Math.min(retryInMs, isForced ? retryMs : intervalMs);
    } catch (error) {
      this.isForced ||= isForced;
      if (this.shutdown.signal.aborted) return 0;
      const level = this.isFailing ? 'debug' : 'warn';
      this.logger[level]({ ...failureFields(error), job: this.name }, 'background job failed; it runs again');
      this.isFailing = true;
      return this.varied(retryMs);
    }
  }

  /** @returns null after a complete run; otherwise the time until another attempt, milliseconds */
  private async runWithLock(isForced: boolean): Promise<number | null> {
    const { lock, intervalMs } = this.options;
    if (!lock || !this.locks) {
      await this.run(null);
      return null;
    }
    const { name = this.name, leaseMs = DEFAULT_LEASE_MS } = lock;
    const minPauseMs = isForced ? 0 : intervalMs;
    const attempt = await this.locks.acquire({ ...lock, name, leaseMs, minPauseMs });
    this.lastCompletedMs = attempt.completedAt?.getTime() ?? this.lastCompletedMs;
    if (!attempt.lock) return attempt.retryInMs;
    const held = attempt.lock;
    let isComplete = false;
    try {
      // The database can answer after the shutdown began or after the lease ended.
      if (this.shutdown.signal.aborted) return 0;
      held.assertHeld();
      this.holdsLock = true;
      isComplete = await this.run(held);
      return isComplete ? null : leaseMs;
    } finally {
      this.holdsLock = false;
      await this.release(held, isComplete);
    }
  }

  /**
   * Gives the run its own signal: listeners of earlier runs cannot pile up on the signals of the process.
   * @returns false when the run was aborted
   */
  private async run(held: HeldLock | null): Promise<boolean> {
    const controller = new AbortController();
    const sources = held ? [this.shutdown.signal, held.signal] : [this.shutdown.signal];
    const abort = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
    for (const source of sources) source.addEventListener('abort', abort, { once: true });
    let outcome: RunOutcome = 'failed';
    try {
      await this.options.run(controller.signal, held);
      outcome = 'completed';
    } finally {
      for (const source of sources) source.removeEventListener('abort', abort);
      if (controller.signal.aborted) outcome = 'aborted';
      this.metrics.ended(this, outcome);
    }
    if (outcome === 'completed') this.lastCompletedMs = Date.now();
    return outcome === 'completed';
  }

  /** A lock that cannot be released ends with its lease, so a failure here does not fail the run. */
  private async release(held: HeldLock, isComplete: boolean): Promise<void> {
    try {
      await held.release(isComplete);
    } catch (error) {
      this.logger.debug({ err: error, job: this.name }, 'lock not released; it ends with its lease');
    }
  }

  private varied(ms: number): number {
    const { jitter = DEFAULT_JITTER } = this.options;
    return ms * (1 - jitter + Math.random() * 2 * jitter);
  }

  private async pause(ms: number): Promise<void> {
    if (!this.isWoken && !this.shutdown.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms).unref();
        this.endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.endPause = null;
    this.isWoken = false;
  }
}

/** Starts and stops all periodic work of this process. */
@Injectable()
export class BackgroundJobs implements BeforeApplicationShutdown {
  private readonly jobs: BackgroundJob[] = [];
  private readonly jobMetrics: JobMetrics;
  private isStopping = false;

  constructor(
    @Optional() @Inject(LOCK_PROVIDER) private readonly locks: LockProvider | null,
    metrics: Metrics,
  ) {
    this.jobMetrics = new JobMetrics(metrics);
  }

  /** Starts the job; shutdown stops it and waits for it. A job started after the shutdown began never runs. */
  start(options: JobOptions): BackgroundJob {
    const job = new BackgroundJob(options, this.locks, this.jobMetrics);
    if (this.isStopping) return job;
    this.jobs.push(job);
    this.jobMetrics.add(job);
    job.start();
    return job;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.jobs.map((job) => job.stop()));
  }
}
