import { describe, expect, it } from '@jest/globals';
import { HealthIndicatorService } from '@nestjs/terminus';
import { ErrorReply } from 'redis';
import { type Redis, RedisUnavailableError } from '../../cluster/index.js';
import { RedisHealth } from './redis.health.js';

async function check(probe: () => Promise<void>, isConfigured = true): Promise<unknown> {
  const redis = { isConfigured, probe } as unknown as Redis;
  return (await new RedisHealth(new HealthIndicatorService(), redis).check())['redis'];
}

const failWith = (error: Error) => () => Promise.reject(error);
const wrongPassword = new ErrorReply('WRONGPASS invalid username-password pair or user is disabled.');

describe('RedisHealth', () => {
  it.each([
    [new RedisUnavailableError('no answer in time'), 'redis.down'],
    [new ErrorReply('LOADING Redis is loading the dataset in memory'), 'redis.down'],
    [new ErrorReply("OOM command not allowed when used memory > 'maxmemory'."), 'redis.full'],
    [new ErrorReply("READONLY You can't write against a read only replica."), 'redis.read_only'],
    [new ErrorReply('NOAUTH Authentication required.'), 'redis.refused'],
    [new RedisUnavailableError('the connection failed', { cause: wrongPassword }), 'redis.refused'],
  ])('%s is the reason %s, degraded', async (error, reason) => {
    expect(await check(failWith(error))).toMatchObject({
      status: 'up',
      issues: [{ effect: 'degraded', reason }],
    });
  });

  it('passes after a write, and without Redis does not try one', async () => {
    expect(await check(() => Promise.resolve())).toMatchObject({
      status: 'up',
      detail: { configured: true },
    });
    expect(await check(failWith(new Error('tried')), false)).toMatchObject({
      status: 'up',
      detail: { configured: false },
    });
  });
});
