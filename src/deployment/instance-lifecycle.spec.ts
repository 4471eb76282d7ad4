import { describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { EventBus } from '../core/index.js';
import type { DatabaseConnection, DatabasePhase } from '../database/index.js';
import {
  type Effect,
  type HealthIssue,
  InstanceLifecycle,
  type InstanceState,
  type InstanceStateChange,
  instanceState,
  type LifecycleInputs,
} from './instance-lifecycle.js';

Logger.overrideLogger(false);

const issue = (effect: Effect, reason: string = effect): HealthIssue => ({ effect, reason });
const STARTED: LifecycleInputs = { startupPhase: 'started', isChecked: true, issues: [], isDraining: false };

describe('instanceState', () => {
  it.each<[InstanceState, Partial<LifecycleInputs>]>([
    ['starting', { startupPhase: 'connecting', isChecked: false }],
    ['starting', { startupPhase: 'starting', isChecked: false }],
    ['starting', { startupPhase: 'started', isChecked: false }],
    ['starting', { startupPhase: 'connecting', isChecked: false, issues: [issue('not_ready')] }],
    ['migrating', { startupPhase: 'migrating', isChecked: false }],
    ['blocked', { startupPhase: 'blocked', isChecked: false }],
    ['blocked', { startupPhase: 'migrating', issues: [issue('blocked')] }],
    ['blocked', { issues: [issue('degraded'), issue('not_ready'), issue('blocked')] }],
    ['not_ready', { issues: [issue('degraded'), issue('not_ready')] }],
    ['degraded', { issues: [issue('degraded')] }],
    ['ready', {}],
    ['draining', { isDraining: true }],
    ['draining', { isDraining: true, startupPhase: 'connecting', isChecked: false }],
    ['draining', { isDraining: true, startupPhase: 'blocked', issues: [issue('blocked')] }],
  ])('is %s for %j', (state, changed) => {
    expect(instanceState({ ...STARTED, ...changed })).toBe(state);
  });
});

describe('InstanceLifecycle', () => {
  function create(phase: DatabasePhase = 'connecting') {
    const events = new EventBus();
    const changes: InstanceStateChange[] = [];
    events.subscribe('instance.state-changed', (change) => void changes.push(change));
    return { lifecycle: new InstanceLifecycle({ phase } as DatabaseConnection, events), events, changes };
  }
  /** Started and checked. */
  function createReady() {
    const created = create('started');
    created.lifecycle.completeFirstChecks();
    return created;
  }

  it('takes the phase of the database at construction and follows its changes', () => {
    const { lifecycle, events } = create('migrating');
    expect(lifecycle.state).toBe('migrating');
    events.publish('database.phase-changed', { phase: 'blocked' });
    expect(lifecycle.state).toBe('blocked');
    events.publish('database.phase-changed', { phase: 'started' });
    expect(lifecycle).toMatchObject({ state: 'starting', reasons: ['starting'], hasEverServed: false });
    lifecycle.completeFirstChecks();
    expect(lifecycle).toMatchObject({ state: 'ready', reasons: [], hasEverServed: true, isServing: true });
  });

  it('publishes each transition once, in the order of the transitions', () => {
    const { lifecycle, changes } = createReady();
    lifecycle.reportIssues('mongo', [issue('not_ready', 'mongo.down')]);
    lifecycle.reportIssues('mongo', [issue('not_ready', 'mongo.down')]);
    lifecycle.reportIssues('mongo', []);
    lifecycle.startDraining();
    lifecycle.startDraining();
    expect(changes).toEqual([
      { from: 'starting', to: 'ready', reasons: [] },
      { from: 'ready', to: 'not_ready', reasons: ['mongo.down'] },
      { from: 'not_ready', to: 'ready', reasons: [] },
      { from: 'ready', to: 'draining', reasons: [] },
    ]);
  });

  it('keeps `since` while the state does not change', async () => {
    const { lifecycle } = createReady();
    const { since } = lifecycle;
    await new Promise((resolve) => setTimeout(resolve, 5));
    lifecycle.reportIssues('memory', []);
    expect(lifecycle.since).toBe(since);
    lifecycle.reportIssues('memory', [issue('degraded')]);
    expect(lifecycle.since.getTime()).toBeGreaterThan(since.getTime());
  });

  it('lists the reasons of all checks, worst first and each once, after the state of a start or a drain', () => {
    const { lifecycle } = createReady();
    lifecycle.reportIssues('memory', [issue('degraded', 'memory.high')]);
    lifecycle.reportIssues('mongo', [issue('degraded', 'clock.skewed'), issue('not_ready', 'mongo.down')]);
    lifecycle.reportIssues('schema', [issue('blocked', 'schema.too_new'), issue('degraded', 'memory.high')]);
    expect(lifecycle.reasons).toEqual(['schema.too_new', 'mongo.down', 'memory.high', 'clock.skewed']);
    lifecycle.startDraining();
    expect(lifecycle.reasons[0]).toBe('draining');
  });

  it('has served once it was degraded, also when it is not ready later', () => {
    const { lifecycle } = create('started');
    lifecycle.reportIssues('memory', [issue('degraded')]);
    expect(lifecycle.hasEverServed).toBe(false);
    lifecycle.completeFirstChecks();
    lifecycle.reportIssues('mongo', [issue('not_ready')]);
    expect(lifecycle).toMatchObject({ state: 'not_ready', hasEverServed: true, isServing: false });
  });

  it('accepts sockets from the end of the start, also before the first checks and while blocked', () => {
    const { lifecycle } = create('starting');
    expect(lifecycle.canAcceptSockets).toBe(false);
    lifecycle.setStartupPhase('started');
    expect(lifecycle).toMatchObject({ state: 'starting', canAcceptSockets: true });
    lifecycle.reportIssues('schema', [issue('blocked')]);
    expect(lifecycle).toMatchObject({ state: 'blocked', canAcceptSockets: true });
    lifecycle.reportIssues('mongo', [issue('not_ready')]);
    expect(lifecycle.canAcceptSockets).toBe(false);
    lifecycle.reportIssues('mongo', []);
    lifecycle.startDraining();
    expect(lifecycle.canAcceptSockets).toBe(false);
  });

  it('resolves whenFirstChecked after the first checks and not before', async () => {
    const { lifecycle } = create('started');
    let isChecked = false;
    const waiting = lifecycle.whenFirstChecked().then(() => (isChecked = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(isChecked).toBe(false);
    lifecycle.completeFirstChecks();
    await waiting;
    expect(isChecked).toBe(true);
  });
});
