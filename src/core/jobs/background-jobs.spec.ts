import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { BackgroundJobs } from './background-jobs.js';
import type { HeldLock, LockProvider } from './lock.js';

Logger.overrideLogger(false);

const LONG_MS = 3_600_000;

let jobs: BackgroundJobs;
afterEach(() => jobs.beforeApplicationShutdown());

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(1);
}

describe('a background job', () => {
  it('runs again and again, also after a run that failed', async () => {
    jobs = new BackgroundJobs(null);
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
    jobs = new BackgroundJobs(null);
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
    jobs = new BackgroundJobs(null);
    let runs = 0;
    const run = async () => void (runs += 1);
    const job = jobs.start({ name: 'test', intervalMs: 1, runsAtStart: true, startsAfter, run });
    job.trigger();
    await sleep(20);
    expect(runs).toBe(0);
  });

  it('does not keep the shutdown waiting while it waits for startsAfter, and never runs afterwards', async () => {
    jobs = new BackgroundJobs(null);
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
    jobs = new BackgroundJobs(null);
    await jobs.beforeApplicationShutdown();
    let runs = 0;
    jobs.start({ name: 'test', intervalMs: 1, runsAtStart: true, run: async () => void (runs += 1) });
    await sleep(10);
    expect(runs).toBe(0);
  });

  it('runs when triggered, once more when triggered during a run, and never twice at a time', async () => {
    jobs = new BackgroundJobs(null);
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
    jobs = new BackgroundJobs(null);
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
    jobs = new BackgroundJobs(null);
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

    async acquire(): Promise<HeldLock | null> {
      this.acquisitions += 1;
      await this.delay;
      if (this.holder) return null;
      this.loss = new AbortController();
      const { signal } = this.loss;
      const held = {
        owner: 'test',
        epoch: 1,
        signal,
        heldSince: new Date(0),
        assertHeld: () => signal.throwIfAborted(),
        release: async () => {
          this.holder = null;
          this.released += 1;
          if (this.isReleaseBroken) throw new Error('no database');
        },
      };
      return (this.holder = held);
    }
  }

  it('runs on one instance at a time, and on another when the lock is free', async () => {
    const lock = new OneLock();
    jobs = new BackgroundJobs(lock);
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
    jobs = new BackgroundJobs(lock);
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
    jobs = new BackgroundJobs(lock);
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
    jobs = new BackgroundJobs(lock);
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
    jobs = new BackgroundJobs(lock);
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
});
