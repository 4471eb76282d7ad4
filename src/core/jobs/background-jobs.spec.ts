import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundJobs } from './background-jobs.js';
import type { AcquireOptions, HeldLock, LockAttempt, LockProvider } from './lock.js';
import { Metrics } from '../metrics/metrics.js';

Logger.overrideLogger(false);

const LONG_MS = 3_600_000;

let metrics: Metrics;
let jobs: BackgroundJobs;
function newJobs(locks: LockProvider | null = null): BackgroundJobs {
  metrics = new Metrics();
  return new BackgroundJobs(locks, metrics);
}
/** The value of one series. */
async function metric(series: string): Promise<number> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}
afterEach(() => jobs.beforeApplicationShutdown());

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(1);
}

describe('a background job', () => {
  it('runs again and again, also after a run that failed', async () => {
    jobs = newJobs();
    let runs = 0;
    jobs.start({
      name: 'test',
      intervalMs: 1,
      run: () => {
        runs += 1;
        return runs === 2 ? Promise.reject(new Error('no')) : Promise.resolve();
      },
    });
    await until(() => runs > 3);
  });

  it('waits for startsAfter, and runs at once when that gives true', async () => {
    jobs = newJobs();
    let open: (isOpen: boolean) => void = () => undefined;
    let runs = 0;
    const gate = new Promise<boolean>((resolve) => (open = resolve));
    jobs.start({
      name: 'test',
      intervalMs: LONG_MS,
      runsAtStart: true,
      startsAfter: () => gate,
      run: async () => void (runs += 1),
    });
    await sleep(5);
    expect(runs).toBe(0);
    open(true);
    await until(() => runs === 1);
  });

  it.each([
    ['gives false', () => Promise.resolve(false)],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('never runs when startsAfter %s', async (_how, startsAfter) => {
    jobs = newJobs();
    let runs = 0;
    const run = async () => void (runs += 1);
    const job = jobs.start({ name: 'test', intervalMs: 1, runsAtStart: true, startsAfter, run });
    job.trigger();
    await sleep(20);
    expect(runs).toBe(0);
  });

  it('does not keep the shutdown waiting while it waits for startsAfter, and never runs afterwards', async () => {
    jobs = newJobs();
    let open: (isOpen: boolean) => void = () => undefined;
    let runs = 0;
    const gate = new Promise<boolean>((resolve) => (open = resolve));
    jobs.start({
      name: 'test',
      intervalMs: 1,
      runsAtStart: true,
      shutdownTimeoutMs: LONG_MS,
      startsAfter: () => gate,
      run: async () => void (runs += 1),
    });
    await jobs.beforeApplicationShutdown();
    open(true);
    await sleep(10);
    expect(runs).toBe(0);
  });

  it('never runs when it is started after the shutdown began', async () => {
    jobs = newJobs();
    await jobs.beforeApplicationShutdown();
    let runs = 0;
    jobs.start({ name: 'test', intervalMs: 1, runsAtStart: true, run: async () => void (runs += 1) });
    await sleep(10);
    expect(runs).toBe(0);
  });

  it('runs when triggered, once more when triggered during a run, and never twice at a time', async () => {
    jobs = newJobs();
    let runs = 0;
    let end: () => void = () => undefined;
    const job = jobs.start({
      name: 'test',
      intervalMs: LONG_MS,
      run: () => {
        runs += 1;
        return new Promise((resolve) => (end = resolve));
      },
    });
    await sleep(1);
    job.trigger();
    await until(() => runs === 1);
    job.trigger();
    await sleep(5);
    expect(runs).toBe(1);
    end();
    await until(() => runs === 2);
    end();
  });

  it('is aborted at shutdown and awaited', async () => {
    jobs = newJobs();
    let isEnded = false;
    let isRunning = false;
    jobs.start({
      name: 'test',
      intervalMs: LONG_MS,
      runsAtStart: true,
      run: async (signal) => {
        isRunning = true;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        await sleep(5);
        isEnded = true;
      },
    });
    await until(() => isRunning);
    await jobs.beforeApplicationShutdown();
    expect(isEnded).toBe(true);
  });

  it('delays the shutdown by its time limit at most', async () => {
    jobs = newJobs();
    let isRunning = false;
    jobs.start({
      name: 'test',
      intervalMs: LONG_MS,
      runsAtStart: true,
      shutdownTimeoutMs: 1,
      run: () => {
        isRunning = true;
        return new Promise(() => undefined);
      },
    });
    await until(() => isRunning);
    await jobs.beforeApplicationShutdown();
  });
});

describe('a background job with a lock', () => {
  class OneLock implements LockProvider {
    holder: HeldLock | null = null;
    loss = new AbortController();
    acquisitions = 0;
    released = 0;
    /** `acquire` waits for this. */
    delay: Promise<unknown> = Promise.resolve();
    isReleaseBroken = false;
    completedAtMs: number | null = null;

    async acquire({ minPauseMs = 0 }: AcquireOptions): Promise<LockAttempt> {
      this.acquisitions += 1;
      await this.delay;
      const completedAt = this.completedAtMs === null ? null : new Date(this.completedAtMs);
      const dueInMs = (this.completedAtMs ?? 0) + minPauseMs - Date.now();
      if (this.holder) return { lock: null, retryInMs: 5, completedAt };
      if (dueInMs > 0) return { lock: null, retryInMs: dueInMs, completedAt };
      this.loss = new AbortController();
      const { signal } = this.loss;
      const held = {
        owner: 'test',
        epoch: 1,
        signal,
        heldSince: new Date(0),
        assertHeld: () => signal.throwIfAborted(),
        release: async (isComplete = false) => {
          this.holder = null;
          this.released += 1;
          if (isComplete) this.completedAtMs = Date.now();
          if (this.isReleaseBroken) throw new Error('no database');
        },
      };
      this.holder = held;
      return { lock: held, retryInMs: 0, completedAt };
    }
  }

  it('runs on one instance at a time, and on another when the lock is free', async () => {
    const lock = new OneLock();
    jobs = newJobs(lock);
    const seen: string[] = [];
    const start = (name: string) =>
      jobs.start({
        name,
        intervalMs: 1,
        lock: { name: 'work', leaseMs: 1_000 },
        run: async (signal) => {
          seen.push(name);
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        },
      });
    const [one, other] = [start('one'), start('other')];
    await until(() => seen.length === 1);
    await sleep(10);
    expect(seen).toHaveLength(1);
    expect([one.isLeader, other.isLeader].filter(Boolean)).toHaveLength(1);
    await (one.isLeader ? one : other).stop();
    await until(() => seen.length === 2);
    expect(new Set(seen).size).toBe(2);
  });

  it('ends its run when the lock is lost', async () => {
    const lock = new OneLock();
    jobs = newJobs(lock);
    let ends = 0;
    const job = jobs.start({
      name: 'test',
      intervalMs: 1,
      lock: { name: 'work', leaseMs: 1_000 },
      run: async (signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        ends += 1;
      },
    });
    await until(() => job.isLeader);
    lock.loss.abort(new Error('lost'));
    await until(() => ends === 1 && lock.released === 1);
  });

  it('does not run with a lock acquired after the shutdown began, and releases it', async () => {
    const lock = new OneLock();
    let answer: () => void = () => undefined;
    lock.delay = new Promise<void>((resolve) => (answer = resolve));
    jobs = newJobs(lock);
    let runs = 0;
    jobs.start({
      name: 'test',
      intervalMs: 1,
      runsAtStart: true,
      lock: { name: 'work', leaseMs: 1_000 },
      run: async () => void (runs += 1),
    });
    await until(() => lock.acquisitions === 1);
    const stopping = jobs.beforeApplicationShutdown();
    answer();
    await stopping;
    expect([runs, lock.released]).toEqual([0, 1]);
  });

  it('counts a run as good when only the release of the lock fails', async () => {
    const lock = new OneLock();
    lock.isReleaseBroken = true;
    jobs = newJobs(lock);
    let runs = 0;
    jobs.start({
      name: 'test',
      intervalMs: 1,
      // A failed run would be the last one for an hour.
      retryMs: LONG_MS,
      lock: { name: 'work', leaseMs: 1_000 },
      run: async () => void (runs += 1),
    });
    await until(() => runs > 2);
  });

  it('gives each run its own signal, aborted with the reason of the loss', async () => {
    const lock = new OneLock();
    jobs = newJobs(lock);
    const signals: AbortSignal[] = [];
    const job = jobs.start({
      name: 'test',
      intervalMs: 1,
      lock: { name: 'work', leaseMs: 1_000 },
      run: async (signal) => {
        signals.push(signal);
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    await until(() => job.isLeader);
    lock.loss.abort(new Error('lost'));
    await until(() => signals.length === 2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    expect(signals[0]?.reason).toEqual(new Error('lost'));
  });

  describe('of several instances', () => {
    const start = (run: () => Promise<void>, intervalMs = LONG_MS) =>
      [1, 2, 3].map(() => jobs.start({ name: 'test', intervalMs, lock: { name: 'work', leaseMs: 10 }, run }));

    it('runs once in the interval of all, and shows its last run on each', async () => {
      const lock = new OneLock();
      jobs = newJobs(lock);
      let runs = 0;
      const started = start(async () => void (runs += 1));
      await until(() => started.every(({ completedAtMs }) => completedAtMs !== null));
      expect(runs).toBe(1);
      // The interval is over.
      lock.completedAtMs = Date.now() - LONG_MS;
      for (const each of started) await each.stop();
      const later = start(async () => void (runs += 1));
      await until(() => later.every(({ completedAtMs }) => completedAtMs !== null && runs === 2));
    });

    it('runs again on another at once when a run fails or is aborted', async () => {
      const lock = new OneLock();
      jobs = newJobs(lock);
      let runs = 0;
      start(async () => {
        runs += 1;
        if (runs === 1) throw new Error('no');
        if (runs === 2) lock.loss.abort(new Error('lost'));
      });
      await until(() => lock.completedAtMs !== null);
      expect(runs).toBe(3);
    });

    it('runs when triggered, also when another has just run', async () => {
      const lock = new OneLock();
      lock.completedAtMs = Date.now();
      jobs = newJobs(lock);
      let runs = 0;
      const [one] = start(async () => void (runs += 1));
      await until(() => lock.acquisitions >= 3);
      expect(runs).toBe(0);
      one?.trigger();
      await until(() => runs === 1);
    });

    it('a trigger while another runs is not lost', async () => {
      const lock = new OneLock();
      jobs = newJobs(lock);
      let runs = 0;
      let end: () => void = () => undefined;
      const [one, other] = start(async () => {
        runs += 1;
        await new Promise<void>((resolve) => (end = resolve));
      });
      await until(() => runs === 1);
      const before = lock.acquisitions;
      (one?.isLeader ? other : one)?.trigger();
      await until(() => lock.acquisitions > before);
      end();
      await until(() => runs === 2);
      end();
    });
  });
});

describe('the metrics of background jobs', () => {
  it('have every series from the start, and count each run by its outcome', async () => {
    jobs = newJobs();
    let runs = 0;
    const job = jobs.start({
      name: 'test',
      intervalMs: LONG_MS,
      run: async (signal) => {
        runs += 1;
        if (runs === 2) throw new Error('no');
        if (runs === 3) await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const values = (): Promise<number[]> =>
      Promise.all([
        ...['completed', 'failed', 'aborted'].map((outcome) =>
          metric(`samserver_job_runs_total{job="test",outcome="${outcome}"}`),
        ),
        metric('samserver_job_holds_lock{job="test"}'),
      ]);
    const lastSuccess = () => metric('samserver_job_completed_timestamp_seconds{job="test"}');
    expect([...(await values()), await lastSuccess()]).toEqual([0, 0, 0, 0, 0]);
    for (const next of [1, 2, 3]) {
      job.trigger();
      await until(() => runs === next);
    }
    expect(await lastSuccess()).toBeGreaterThan(Date.now() / 1_000 - 3_600);
    await job.stop();
    expect(await values()).toEqual([1, 1, 1, 0]);
  });
});
