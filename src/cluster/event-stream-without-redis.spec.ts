import { afterEach, expect, it, jest } from '@jest/globals';
import type { BackgroundJobs, EventBus } from '../core/index.js';
import { EventStream } from './event-stream.js';
import type { InstanceIdentity } from './instance-identity.js';
import type { Redis } from './redis.js';
import type { StreamMetrics } from './stream-metrics.js';
import type { StreamWriter } from './stream-writer.js';

afterEach(() => {
  jest.restoreAllMocks();
});

function streamWithoutRedis(): EventStream {
  return new EventStream(
    { isConfigured: false } as Redis,
    {} as InstanceIdentity,
    {} as StreamWriter,
    {} as EventBus,
    {} as BackgroundJobs,
    { nowMs: () => 0 },
    { observe: () => undefined } as unknown as StreamMetrics,
  );
}

it('without Redis, every revocation arrives while no other instance has a heartbeat', () => {
  const stream = streamWithoutRedis();
  expect(stream.receivesFromAll).toBe(false);
  stream.setAlive(new Set());
  expect(stream.receivesFromAll).toBe(true);
  stream.setAlive(new Set(['other']));
  expect([stream.receivesFromAll, stream.silentIds]).toEqual([false, ['other']]);
});

it('heartbeats that were read more than 20 s ago count as unknown', () => {
  const stream = streamWithoutRedis();
  const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
  stream.setAlive(new Set());
  now.mockReturnValue(21_000);
  expect(stream.receivesFromAll).toBe(true);
  now.mockReturnValue(21_001);
  expect(stream.receivesFromAll).toBe(false);
  stream.setAlive(new Set());
  expect(stream.receivesFromAll).toBe(true);
});
