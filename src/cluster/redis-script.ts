import { createHash } from 'node:crypto';
import { errorReplyCode, type RedisClient } from './redis.js';

interface ScriptInput {
  readonly keys: string[];
  readonly arguments: string[];
}

/** A Lua script, which Redis runs by its hash. Its text is sent only when Redis does not have it, as after a restart. */
export class RedisScript {
  private readonly sha1: string;

  constructor(private readonly text: string) {
    this.sha1 = createHash('sha1').update(text).digest('hex');
  }

  /** @throws as the client does; ErrorReply */
  async run(client: RedisClient, input: ScriptInput): Promise<unknown> {
    try {
      return await client.evalSha(this.sha1, input);
    } catch (error) {
      if (errorReplyCode(error) !== 'NOSCRIPT') throw error;
      return client.eval(this.text, input);
    }
  }
}
