import { withTimeout } from '../core/index.js';
import { type Redis, type RedisClient, RedisUnavailableError } from './redis.js';
import { decodeEntry, type StreamEntry } from './stream-entry.js';

const BLOCK_MS = 500;
/** Beyond the time that Redis blocks. */
const ANSWER_TIMEOUT_MS = 4_000;
/** Entries of one read: their decoding must not block the process for long. */
const READ_COUNT = 20;

interface StreamListener {
  /** Every entry that is written from now on will be read. */
  readonly onJoin: () => void;
  readonly onEntry: (entry: StreamEntry) => void;
  /** No further entry waits. Called at least every half second. When it throws, the reading fails. */
  readonly onEnd: () => void;
  readonly onLeave: () => void;
}

interface Message {
  readonly id: string;
  readonly message: Record<string, string>;
}

/** Reads the stream on a connection of its own until that fails or the signal is aborted. @throws the failure */
export async function readStream(redis: Redis, signal: AbortSignal, listener: StreamListener): Promise<void> {
  const client = await redis.connectAnother();
  const key = redis.key('events');
  // A blocked command would end only with its reply.
  const abort = (): void => void client.disconnect().catch(() => undefined);
  signal.addEventListener('abort', abort, { once: true });
  try {
    let lastId = await findLastId(client, key);
    listener.onJoin();
    while (!signal.aborted) {
      const messages = await readAfter(client, key, lastId);
      for (const { id, message } of messages) {
        listener.onEntry(decodeEntry(message));
        lastId = id;
      }
      if (messages.length < READ_COUNT) listener.onEnd();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', abort);
    listener.onLeave();
    if (client.isOpen) await client.disconnect().catch(() => undefined);
  }
}

async function findLastId(client: RedisClient, key: string): Promise<string> {
  const newest = client.xRevRange(key, '+', '-', { COUNT: 1 });
  const [last] = await withTimeout(newest, ANSWER_TIMEOUT_MS, noAnswer);
  return last?.id ?? '0-0';
}

async function readAfter(client: RedisClient, key: string, id: string): Promise<readonly Message[]> {
  const reply = client.xRead({ key, id }, { BLOCK: BLOCK_MS, COUNT: READ_COUNT });
  const streams = await withTimeout(reply, BLOCK_MS + ANSWER_TIMEOUT_MS, noAnswer);
  return streams?.[0]?.messages ?? [];
}

function noAnswer(): Error {
  return new RedisUnavailableError('no answer in time');
}
