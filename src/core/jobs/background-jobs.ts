import { type BeforeApplicationShutdown, Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { type HeldLock, LOCK_PROVIDER, type LockOptions, type LockProvider } from './lock.js';

export interface JobOptions {
  /** For log lines, e.g. `session-cleanup`. */
  readonly name: string;
  /** Pause between the end of a run and the start of the next one, milliseconds. */
  readonly intervalMs: number;
  /** The pause varies by this share in both directions, so that instances do not run in step. 0…1, default 0.1. */
  readonly jitter?: number;
  /** Pause after a run that failed, milliseconds. Default: `intervalMs`. */
  readonly retryMs?: number;
  /** The first run begins at once instead of after a pause. Default false. */
  readonly runsAtStart?: boolean;
  /** The first run waits for it, e.g. for the database. When it resolves to false, the job never runs. */
  readonly startsAfter?: () => Promise<unknown>;
  /** Runs on one instance at a time: a run begins only with this lock and ends with it. */
  readonly lock?: LockOptions;
  /** Shutdown waits so long for the run under way, milliseconds. Default 3,000. */
  readonly shutdownTimeoutMs?: number;
  /**
   * One run. A failure is logged once until a run succeeds again, and the job goes on.
   * @param signal aborted at shutdown, and when the lock is lost
   * @param lock the held lock; null for a job without one
   */
  readonly run: (signal: AbortSignal, lock: HeldLock | null) => Promise<void>;
}

/** Periodic work: made by `BackgroundJobs.start`. */
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

  /** This instance holds the lock of the job now; false for a job without one. */
  get isLeader(): boolean {
    return this.holdsLock;
  }

  start(): void {
    this.loop = this.runLoop();
  }

  /** Ends the pause under way: the next run begins now, or right after the run under way. */
  trigger(): void {
    this.isTriggered = true;
    this.endPause?.();
  }

  /** Aborts the run under way and waits for its end, at most `shutdownTimeoutMs`. */
  async stop(): Promise<void> {
    this.shutdown.abort();
    this.endPause?.();
    await Promise.race([
      this.loop,
      sleep(this.options.shutdownTimeoutMs ?? 3_000, undefined, { ref: false }),
    ]);
  }

  private async runLoop(): Promise<void> {
    const { startsAfter, runsAtStart = false } = this.options;
    const { signal } = this.shutdown;
    if ((await startsAfter?.()) === false) return;
    if (!runsAtStart) await this.pause(this.options.intervalMs);
    while (!signal.aborted) {
      const isGood = await this.runOnce();
      await this.pause(isGood ? this.options.intervalMs : (this.options.retryMs ?? this.options.intervalMs));
    }
  }

  /** @returns false when the run failed */
  private async runOnce(): Promise<boolean> {
    const { name } = this.options;
    try {
      await this.runWithLock();
      if (this.isFailing) this.logger.log({ job: name }, 'background job works again');
      this.isFailing = false;
      return true;
    } catch (error) {
      if (this.shutdown.signal.aborted) return true;
      const level = this.isFailing ? 'debug' : 'warn';
      this.logger[level]({ err: error, job: name }, 'background job failed; it will be tried again');
      this.isFailing = true;
      return false;
    }
  }

  private async runWithLock(): Promise<void> {
    const { lock, run } = this.options;
    if (!lock || !this.locks) return run(this.shutdown.signal, null);
    const held = await this.locks.acquire(lock);
    if (!held) return;
    // The answer may have come after the shutdown began, or after the lease was over.
    try {
      held.assertHeld();
      this.holdsLock = true;
      await run(AbortSignal.any([this.shutdown.signal, held.signal]), held);
    } finally {
      this.holdsLock = false;
      await held.release();
    }
  }

  private async pause(ms: number): Promise<void> {
    const { jitter = 0.1 } = this.options;
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

  constructor(@Optional() @Inject(LOCK_PROVIDER) private readonly locks: LockProvider | null) {}

  /** Starts the job now; it is stopped and awaited at shutdown. */
  start(options: JobOptions): BackgroundJob {
    const job = new BackgroundJob(options, this.locks);
    this.jobs.push(job);
    job.start();
    return job;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.jobs.map((job) => job.stop()));
  }
}
