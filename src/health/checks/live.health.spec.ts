import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import type { EventStream, Redis } from '../../cluster/index.js';
import type { InstancesPoller } from '../../deployment/index.js';
import { LiveHealth } from './live.health.js';

const OTHER = { id: 'other', color: 'green', version: '2.1.0' };

function healthOf(silentIds: readonly string[], isConfigured = true): LiveHealth {
  return new LiveHealth(
    new HealthIndicatorService(),
    { isConfigured } as Redis,
    { silentIds, state: isConfigured ? 'complete' : 'off', lagMs: 1 } as unknown as EventStream,
    { others: [OTHER], whenRead: () => Promise.resolve() } as unknown as InstancesPoller,
  );
}

describe('LiveHealth', () => {
  it('is degraded while events of an instance with a heartbeat do not arrive', async () => {
    expect((await healthOf(['other']).check())['live']).toMatchObject({
      status: 'up',
      issues: [{ effect: 'degraded', reason: 'live.not_shared' }],
      detail: { stream: 'complete', lagMs: 1, instances: [{ ...OTHER, heard: false }] },
    });
  });

  it('passes while they arrive', async () => {
    expect((await healthOf([]).check())['live']).toMatchObject({
      issues: [],
      detail: { instances: [{ ...OTHER, heard: true }] },
    });
  });

  it('with Redis needs three runs in a row, without Redis one: nothing can arrive', () => {
    expect([healthOf([]).failureThreshold, healthOf([], false).failureThreshold]).toEqual([3, 1]);
  });
});
