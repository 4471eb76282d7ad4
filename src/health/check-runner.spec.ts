import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { HealthIndicatorService } from '@nestjs/terminus';
import { BackgroundJobs, EventBus, Metrics } from '../core/index.js';
import type { DatabaseConnection, DatabasePhase } from '../database/index.js';
import { InstanceLifecycle } from '../deployment/index.js';
import { CheckRunner, type CheckResult, Debouncer, HealthCheck, healthIssue } from './check-runner.js';

Logger.overrideLogger(false);

const down = healthIssue('not_ready', 'mongo.down');
const skewed = healthIssue('degraded', 'clock.skewed');

/** `x`: the run finds the issue, `.`: it does not. @returns the same for the confirmed issue after each run */
function confirmed(runs: string, failureThreshold = 3, successThreshold = 2): string {
  const debouncer = new Debouncer(failureThreshold, successThreshold);
  return [...runs]
    .map((run) => (debouncer.record(run === 'x' ? [down] : []).length > 0 ? 'x' : '.'))
    .join('');
}

describe('Debouncer', () => {
  it.each([
    ['.....', '.....'],
    ['xx.xx.xx.', '.........'],
    ['xxx', '..x'],
    ['xxxx..', '..xxx.'],
    ['xxx.x.x..', '..xxxxxx.'],
    ['xxx..xxx', '..xx...x'],
  ])('turns the runs %s into %s', (runs, expected) => {
    expect(confirmed(runs)).toBe(expected);
  });

  it('follows each run with thresholds of 1', () => {
    expect(confirmed('.x.x', 1, 1)).toBe('.x.x');
  });

  it('counts each reason separately', () => {
    const debouncer = new Debouncer(2, 1);
    expect(debouncer.record([down])).toEqual([]);
    expect(debouncer.record([down, skewed])).toEqual([down]);
    expect(debouncer.record([skewed])).toEqual([skewed]);
  });

  it('takes over the new effect of a confirmed issue', () => {
    const debouncer = new Debouncer(1, 1);
    expect(debouncer.record([healthIssue('degraded', 'schema')])).toEqual([
      healthIssue('degraded', 'schema'),
    ]);
    expect(debouncer.record([healthIssue('blocked', 'schema')])).toEqual([healthIssue('blocked', 'schema')]);
  });
});

/** Runs at once and then once an hour, so that a test decides when it runs again. */
class TestCheck extends HealthCheck {
  readonly limitMs = 200;
  override readonly intervalMs = 3_600_000;
  override readonly failureThreshold = 1;
  override readonly successThreshold = 1;
  runs = 0;

  constructor(
    readonly name: string,
    readonly whenDown: HealthCheck['whenDown'],
    private readonly result: () => Promise<CheckResult>,
  ) {
    super(new HealthIndicatorService());
  }

  protected measure(): Promise<CheckResult> {
    this.runs += 1;
    return this.result();
  }
}

describe('CheckRunner', () => {
  const allJobs: BackgroundJobs[] = [];
  afterEach(() => Promise.all(allJobs.splice(0).map((jobs) => jobs.beforeApplicationShutdown())));

  /** Of a database whose start ends with `finishStart`. */
  function start(checks: HealthCheck[], phase: DatabasePhase = 'started') {
    let resolveStarted: () => void = () => undefined;
    const whenStarted = new Promise<void>((resolve) => (resolveStarted = resolve));
    const database = { phase, hasStarted: phase === 'started', whenStarted: () => whenStarted };
    const events = new EventBus();
    const connection = database as unknown as DatabaseConnection;
    const lifecycle = new InstanceLifecycle(connection, events);
    const jobs = new BackgroundJobs(null, new Metrics());
    allJobs.push(jobs);
    const runner = new CheckRunner(checks, lifecycle, connection, jobs);
    runner.onApplicationBootstrap();
    const finishStart = (): void => {
      database.hasStarted = true;
      lifecycle.setStartupPhase('started');
      resolveStarted();
    };
    return { runner, lifecycle, finishStart };
  }

  it('reports the confirmed issues of each check to the lifecycle', async () => {
    const { runner, lifecycle } = start([
      new TestCheck('good', down, async () => ({ detail: { free: 1 } })),
      new TestCheck('poor', down, async () => ({ issues: [skewed] })),
    ]);
    await lifecycle.whenFirstChecked();
    expect(lifecycle).toMatchObject({ state: 'degraded', reasons: ['clock.skewed'] });
    expect(runner.reports).toMatchObject({
      good: { status: 'up', reasons: [], detail: { free: 1 }, latencyMs: expect.any(Number) },
      poor: { status: 'degraded', reasons: ['clock.skewed'] },
    });
  });

  it.each([
    ['throws', () => Promise.reject(new Error('a text with a secret'))],
    ['does not end in time', () => new Promise<never>(() => undefined)],
  ])('counts a check that %s as down, without the error text', async (_what, result) => {
    const { runner, lifecycle } = start([new TestCheck('mongo', down, result)]);
    await lifecycle.whenFirstChecked();
    expect(lifecycle.state).toBe('not_ready');
    expect(runner.reports['mongo']).toMatchObject({ status: 'down', reasons: ['mongo.down'] });
    expect(JSON.stringify(runner.reports)).not.toContain('secret');
  });

  it('keeps the confirmed issues when a run without `whenDown` fails', async () => {
    let isFailing = false;
    const blocked = healthIssue('blocked', 'schema.too_new');
    const check = new TestCheck('schema', null, async () => {
      if (isFailing) throw new Error('no answer');
      return { issues: [blocked] };
    });
    const { lifecycle, finishStart } = start([check]);
    await lifecycle.whenFirstChecked();
    isFailing = true;
    finishStart();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(check.runs).toBe(2);
    expect(lifecycle.reasons).toEqual(['schema.too_new']);
  });

  it('completes the first checks only when a run without `whenDown` has not failed', async () => {
    let isFailing = true;
    const check = new TestCheck('live', null, async () => {
      if (isFailing) throw new Error('not read yet');
      return { issues: [skewed] };
    });
    const { lifecycle, finishStart } = start([check]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([check.runs, lifecycle.state]).toEqual([1, 'starting']);
    isFailing = false;
    finishStart();
    await lifecycle.whenFirstChecked();
    expect(lifecycle).toMatchObject({ state: 'degraded', reasons: ['clock.skewed'] });
  });

  it('completes the first checks only after a run of every check that began after the start', async () => {
    let finishSlowRun: () => void = () => undefined;
    const slow = new TestCheck(
      'slow',
      down,
      () => new Promise((resolve) => (finishSlowRun = () => resolve({}))),
    );
    const quick = new TestCheck('quick', down, async () => ({}));
    const { lifecycle, finishStart } = start([slow, quick], 'connecting');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([slow.runs, quick.runs]).toEqual([1, 1]);
    finishStart();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([slow.runs, quick.runs]).toEqual([1, 2]);
    // This run began before the end of the start.
    finishSlowRun();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(slow.runs).toBe(2);
    expect(lifecycle.state).toBe('starting');
    finishSlowRun();
    await lifecycle.whenFirstChecked();
    expect(lifecycle.state).toBe('ready');
  });
});
