import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import type { RedisClient } from './redis.js';
import { RedisScript } from './redis-script.js';

const TEXT = 'return 1';
const SHA1 = createHash('sha1').update(TEXT).digest('hex');
const INPUT = { keys: ['k'], arguments: ['a'] };

/** As `redis` names the errors that Redis answers. */
class ErrorReply extends Error {}

/** Has the scripts whose text it got. */
class StubRedis {
  readonly sent: unknown[] = [];
  private readonly known = new Set<string>();
  failure: Error | null = null;

  async evalSha(sha1: string, input: unknown): Promise<string> {
    this.sent.push(['EVALSHA', sha1, input]);
    if (this.failure) throw this.failure;
    if (!this.known.has(sha1)) throw new ErrorReply('NOSCRIPT No matching script.');
    return 'result';
  }

  async eval(text: string, input: unknown): Promise<string> {
    this.sent.push(['EVAL', text, input]);
    this.known.add(SHA1);
    return 'result';
  }
}

describe('a script of Redis', () => {
  it('is sent once, and then run by its hash', async () => {
    const redis = new StubRedis();
    const script = new RedisScript(TEXT);
    for (let n = 0; n < 2; n += 1)
      expect(await script.run(redis as unknown as RedisClient, INPUT)).toBe('result');
    expect(redis.sent).toEqual([
      ['EVALSHA', SHA1, INPUT],
      ['EVAL', TEXT, INPUT],
      ['EVALSHA', SHA1, INPUT],
    ]);
  });

  it('is not sent after another error', async () => {
    const redis = new StubRedis();
    redis.failure = new ErrorReply('OOM command not allowed');
    await expect(new RedisScript(TEXT).run(redis as unknown as RedisClient, INPUT)).rejects.toBe(
      redis.failure,
    );
    expect(redis.sent).toHaveLength(1);
  });
});
