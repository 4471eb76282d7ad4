import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { createClient } from 'redis';
import type { RedisClient } from '../../src/cluster/index.js';
import { RedisScript } from '../../src/cluster/redis-script.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';

describeWithRedis('a script of Redis', () => {
  const script = new RedisScript(`
    if ARGV[1] == 'fail' then return redis.error_reply('OOM by the test') end
    return KEYS[1] .. ARGV[1]`);
  const input = { keys: ['k'], arguments: ['a'] };
  let redis: RedisServer;
  let client: RedisClient;

  beforeAll(async () => {
    redis = await RedisServer.start();
    client = createClient({ url: redis.url });
    await client.connect();
  });
  afterAll(async () => {
    await client.disconnect();
    await redis.stop();
  });
  beforeEach(() => {
    redis.command('SCRIPT', 'FLUSH');
    redis.command('CONFIG', 'RESETSTAT');
  });

  const calls = (command: string): number =>
    Number(
      new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(redis.command('INFO', 'commandstats'))?.[1] ?? 0,
    );

  it('is sent once, then run by its hash, and sent again after Redis has lost it', async () => {
    for (let n = 0; n < 2; n += 1) expect(await script.run(client, input)).toBe('ka');
    expect([calls('evalsha'), calls('eval')]).toEqual([2, 1]);
    redis.command('SCRIPT', 'FLUSH');
    expect(await script.run(client, input)).toBe('ka');
    expect([calls('evalsha'), calls('eval')]).toEqual([3, 2]);
  });

  it('is not sent after another error', async () => {
    await script.run(client, input);
    await expect(script.run(client, { ...input, arguments: ['fail'] })).rejects.toThrow('OOM by the test');
    expect([calls('evalsha'), calls('eval')]).toEqual([2, 1]);
  });
});
