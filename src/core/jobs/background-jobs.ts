import { type BeforeApplicationShutdown, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { failureFields } from '../errors/failure-fields.js';
import { type HeldLock, LOCK_PROVIDER, type LockOptions, type LockProvider } from './lock.js';

const DEFAULT_JITTER = 0.1;
const DEFAULT_SHUTDOWN_TIMEOUT_MS = 3_000;

interface JobOptions {
  /** Names the job in log lines, e.g. `session-cleanup`. */
  readonly name: string;
  /** Pause between the end of a run and the start of the next one, milliseconds. */
  readonly intervalMs: number;
  /** Share by which each pause varies in both directions, so that instances do not run in step. 0…1, default 0.1. */
  readonly jitter?: number;
  /** Pause after a run that failed, milliseconds. Default: `intervalMs`. */
  readonly retryMs?: number;
  /** The first run begins at once instead of after a pause. Default false. */
  readonly runsAtStart?: boolean;
  /** The job begins when this resolves with true; with false or after a rejection it never runs. */
  readonly startsAfter?: () => Promise<boolean>;
  /** A run begins only while this instance holds the lock, and ends when the lock is lost. */
  readonly lock?: LockOptions;
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
  private isTriggered = false;
  private isFailing = false;
  private holdsLock = false;

  constructor(
    private readonly options: JobOptions,
    private readonly locks: LockProvider | null,
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

  start(): void {
    this.loop = this.runLoop();
  }

  /** Ends the current pause: the next run begins now, or right after the current run. */
  trigger(): void {
    this.isTriggered = true;
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
    const { intervalMs, retryMs = intervalMs, runsAtStart = false } = this.options;
    if (!(await this.mayStart())) return;
    if (!runsAtStart) await this.pause(intervalMs);
    while (!this.shutdown.signal.aborted) {
      const isSuccess = await this.runOnce();
      await this.pause(isSuccess ? intervalMs : retryMs);
    }
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

  /** @returns false when the run failed */
  private async runOnce(): Promise<boolean> {
    try {
      await this.runWithLock();
      if (this.isFailing) this.logger.log({ job: this.name }, 'background job recovered');
      this.isFailing = false;
      return true;
    } catch (error) {
      if (this.shutdown.signal.aborted) return true;
      const level = this.isFailing ? 'debug' : 'warn';
      this.logger[level]({ ...failureFields(error), job: this.name }, 'background job failed; it runs again');
      this.isFailing = true;
      return false;
    }
  }

  private async runWithLock(): Promise<void> {
    const { lock } = this.options;
    if (!lock || !this.locks) return this.run(null);
    const held = await this.locks.acquire(lock);
    if (!held) return;
    try {
      // The database can answer after the shutdown began or after the lease ended.
      if (this.shutdown.signal.aborted) return;
      held.assertHeld();
      this.holdsLock = true;
      await this.run(held);
    } finally {
      this.holdsLock = false;
      await this.release(held);
    }
  }

  /** Gives the run its own signal: listeners of earlier runs cannot pile up on the signals of the process. */
  private async run(held: HeldLock | null): Promise<void> {
    const controller = new AbortController();
    const sources = held ? [this.shutdown.signal, held.signal] : [this.shutdown.signal];
    const abort = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
    for (const source of sources) source.addEventListener('abort', abort, { once: true });
    try {
      await this.options.run(controller.signal, held);
    } finally {
      for (const source of sources) source.removeEventListener('abort', abort);
    }
  }

  /** A lock that cannot be released ends with its lease, so a failure here does not fail the run. */
  private async release(held: HeldLock): Promise<void> {
    try {
      await held.release();
    } catch (error) {
      this.logger.debug({ err: error, job: this.name }, 'lock not released; it ends with its lease');
    }
  }

  private async pause(ms: number): Promise<void> {
    const { jitter = DEFAULT_JITTER } = this.options;
    if (!this.isTriggered && !this.shutdown.signal.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms * (1 - jitter + Math.random() * 2 * jitter)).unref();
        this.endPause = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.endPause = null;
    this.isTriggered = false;
  }
}

/** Starts and stops all periodic work of this process. */
@Injectable()
export class BackgroundJobs implements BeforeApplicationShutdown {
  private readonly jobs: BackgroundJob[] = [];
  private isStopping = false;

  constructor(@Optional() @Inject(LOCK_PROVIDER) private readonly locks: LockProvider | null) {}

  /** Starts the job; shutdown stops it and waits for it. A job started after the shutdown began never runs. */
  start(options: JobOptions): BackgroundJob {
    const job = new BackgroundJob(options, this.locks);
    if (this.isStopping) return job;
    this.jobs.push(job);
    job.start();
    return job;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    await Promise.all(this.jobs.map((job) => job.stop()));
  }
}
