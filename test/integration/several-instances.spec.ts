import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EventStream } from '../../src/cluster/index.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);
const hearAll = (...instances: readonly Instance[]) =>
  until(
    () => instances.every((each) => streamOf(each).hearsEveryInstance),
    'all events to arrive everywhere',
  );

describe('several instances without Redis', () => {
  let one: TestService;
  beforeAll(async () => {
    one = await startTestService();
  });
  afterAll(() => one.stop());

  it('an instance gets every event while it is the only one with a heartbeat', async () => {
    await hearAll(one);
    const other = await one.another();
    await until(() => !streamOf(one).hearsEveryInstance, 'the other instance to be noticed');
    expect(streamOf(one).unheardIds).toHaveLength(1);
    expect(streamOf(other).hearsEveryInstance).toBe(false);
    await other.stop();
    await hearAll(one);
  });
});

describeWithRedis('several instances with Redis', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ REDIS_URL: redis.url });
    other = await one.another();
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await redis.stop();
  });

  it('each gets every event of the other, not during an outage of Redis, and again afterwards', async () => {
    await until(() => streamOf(one).memberIds.size === 1, 'the other instance in the stream');
    await hearAll(one, other);
    await redis.kill();
    await until(() => !streamOf(one).hearsEveryInstance && !streamOf(other).hearsEveryInstance, 'the outage');
    await redis.start();
    await hearAll(one, other);
  });
});
