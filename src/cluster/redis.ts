import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleInit } from '@nestjs/common';
import { createRequire } from 'node:module';
import type { createClient } from 'redis';
import { SETTINGS, type Settings } from '../config/index.js';
import { BackgroundJobs, failureFields, Metrics, withTimeout } from '../core/index.js';

export type RedisClient = ReturnType<typeof createClient>;

/** A request waits for Redis at most this long, then it works without. */
const COMMAND_TIMEOUT_MS = 200;
/** Fixed by the contract. */
const PROBE_TIMEOUT_MS = 500;
const PROBE_INTERVAL_MS = 1_000;
/** Commands in a row without an answer after which Redis counts as down: a pause of this process is no outage. */
const MAX_TIMEOUTS = 3;
/** Failed probes in a row after which the connection is replaced: TCP notices a cut network only after minutes. */
const PROBES_TO_RECONNECT = 3;
const CONNECT_TIMEOUT_MS = 2_000;
const MAX_RECONNECT_DELAY_MS = 1_000;

/** Redis is not configured, does not answer, or did not answer in time. The caller works without it. */
export class RedisUnavailableError extends Error {}

/**
 * The connection to Redis, with a time limit for each use. While Redis does not answer, every use fails at once, so that no
 * request waits for it; a probe finds out when it answers again.
 */
@Injectable()
export class Redis implements OnModuleInit, OnApplicationBootstrap {
  private readonly logger = new Logger(Redis.name);
  /** Null without Redis. */
  private client: RedisClient | null;
  private isAnswering = false;
  private hasFailed = false;
  /** Why the connection failed; null while it is open. */
  private connectError: unknown = null;
  private timeouts = 0;
  private failedProbes = 0;
  private isClosed = false;
  /** Number of connections so far. Before each new one, Redis can have lost its keys or have got older ones. */
  generation = 0;
  private readonly failures;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly jobs: BackgroundJobs,
    metrics: Metrics,
  ) {
    this.client = settings.redis.url === null ? null : this.newClient();
    this.failures = metrics.counter({
      name: 'samserver_redis_failures_total',
      help: 'Uses of Redis that failed: refused at once while it is down, not answered in time, or answered with an error.',
      labelNames: ['kind'],
    });
    for (const kind of ['down', 'timeout', 'error']) this.failures.inc({ kind }, 0);
    metrics.gauge({
      name: 'samserver_redis_up',
      help: 'Whether Redis answers: 1 or 0; 0 also when it is not configured.',
      collect: (gauge) => gauge.set(this.isAnswering ? 1 : 0),
    });
  }

  get isConfigured(): boolean {
    return this.client !== null;
  }

  /** Whether a use is tried at all. */
  get isUp(): boolean {
    return this.isAnswering;
  }

  onModuleInit(): void {
    if (this.client) void this.open(this.client);
  }

  onApplicationBootstrap(): void {
    if (!this.client) return;
    const run = (): Promise<void> => this.probe().catch(() => undefined);
    this.jobs.start({ name: 'redis-probe', intervalMs: PROBE_INTERVAL_MS, run });
  }

  /** Ends after the commands that were sent. Called by `EventStream`, whose last entry is the last use. */
  async close(): Promise<void> {
    const { client } = this;
    this.isClosed = true;
    this.isAnswering = false;
    if (!client?.isOpen) return;
    // Without an open connection, `quit` fails and leaves a handshake to go on.
    const quit: Promise<unknown> = client.isReady ? client.quit() : client.disconnect();
    await withTimeout(quit, PROBE_TIMEOUT_MS, () => new RedisUnavailableError('no answer in time')).catch(
      () => client.disconnect().catch(() => undefined),
    );
  }

  /** The key of this deployment: `samserver:` and the parts. */
  key(...parts: readonly string[]): string {
    return [this.settings.redis.prefix, ...parts].join(':');
  }

  /**
   * Uses Redis.
   * @param limitMs time limit of the whole use, milliseconds
   * @throws RedisUnavailableError at once while Redis is down, or after the time limit; ErrorReply of Redis
   */
  async run<T>(use: (client: RedisClient) => Promise<T>, limitMs: number = COMMAND_TIMEOUT_MS): Promise<T> {
    if (!this.client || !this.isAnswering) {
      this.failures.inc({ kind: 'down' });
      throw new RedisUnavailableError('Redis does not answer');
    }
    return this.attempt(this.client, use, limitMs);
  }

  /**
   * One real write with a time limit: a full Redis answers a ping. Success makes Redis up.
   * @throws RedisUnavailableError, ErrorReply
   */
  async probe(): Promise<void> {
    if (!this.client) throw new RedisUnavailableError('Redis is not configured');
    const key = this.key('probe');
    try {
      await this.attempt(this.client, (client) => client.set(key, '1', { EX: 10 }), PROBE_TIMEOUT_MS);
      this.failedProbes = 0;
    } catch (error) {
      this.failedProbes += 1;
      if (this.failedProbes % PROBES_TO_RECONNECT === 0) this.replaceConnection();
      throw error;
    }
  }

  /** Another open connection, for commands that block. The caller disconnects it. @throws any error of the connection */
  async connectAnother(): Promise<RedisClient> {
    const client = this.newClient({ isRetried: false });
    try {
      await withTimeout(
        client.connect(),
        CONNECT_TIMEOUT_MS,
        () => new RedisUnavailableError('not connected'),
      );
      return client;
    } catch (error) {
      if (client.isOpen) await client.disconnect().catch(() => undefined);
      throw error;
    }
  }

  private newClient({ isRetried = true } = {}): RedisClient {
    // Its 500 files are loaded only when Redis is configured.
    const library = createRequire(import.meta.url)('redis') as { createClient: typeof createClient };
    const client: RedisClient = library.createClient({
      url: this.settings.redis.url ?? '',
      // Otherwise commands would wait for a connection, without a limit of their number.
      disableOfflineQueue: true,
      socket: {
        connectTimeout: CONNECT_TIMEOUT_MS,
        reconnectStrategy: isRetried
          ? (retries) => Math.min(50 * 2 ** retries, MAX_RECONNECT_DELAY_MS) * (0.75 + Math.random() / 2)
          : false,
      },
    });
    client.on('error', (error: unknown) => {
      if (client !== this.client) return;
      this.connectError = error;
      this.setDown(error);
    });
    client.on('ready', () => {
      if (client !== this.client) return;
      this.connectError = null;
      // Before the first command of this connection.
      this.generation += 1;
    });
    return client;
  }

  private async open(client: RedisClient): Promise<void> {
    try {
      await client.connect();
      // `connect` also resolves after `disconnect`.
      if (client === this.client && !this.isClosed) await this.probe();
    } catch (error) {
      if (client === this.client) this.setDown(error);
    }
  }

  /** By another client: after `disconnect` and `connect` during a handshake, both attempts of one client go on and block it. */
  private replaceConnection(): void {
    const { client } = this;
    if (this.isClosed) return;
    if (client?.isOpen) void client.disconnect().catch(() => undefined);
    this.client = this.newClient();
    void this.open(this.client);
  }

  private async attempt<T>(
    client: RedisClient,
    use: (client: RedisClient) => Promise<T>,
    limitMs: number,
  ): Promise<T> {
    try {
      const result = await withTimeout(
        use(client),
        limitMs,
        () => new RedisUnavailableError('no answer in time'),
      );
      if (client === this.client) this.setUp();
      return result;
    } catch (error) {
      throw this.noted(error, client);
    }
  }

  private noted(error: unknown, client: RedisClient): unknown {
    if (isErrorReply(error)) {
      this.failures.inc({ kind: 'error' });
      return error;
    }
    this.failures.inc({ kind: 'timeout' });
    // What still waited for a client that was replaced proves nothing about the new one.
    if (client === this.client) {
      this.timeouts += 1;
      if (!client.isReady || this.timeouts >= MAX_TIMEOUTS) this.setDown(error);
    }
    if (error instanceof RedisUnavailableError) return error;
    return new RedisUnavailableError('the connection failed', { cause: this.connectError });
  }

  private setUp(): void {
    this.timeouts = 0;
    if (this.isAnswering) return;
    this.isAnswering = true;
    this.hasFailed = false;
    this.logger.log('redis connected');
  }

  private setDown(error: unknown): void {
    this.isAnswering = false;
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.logger.warn(failureFields(error), 'redis unavailable');
  }
}

/**
 * The code of the error that Redis answered, e.g. `OOM`, also when it refused the connection.
 * @returns null for any other failure
 */
export function errorReplyCode(error: unknown): string | null {
  const reply = error instanceof RedisUnavailableError ? error.cause : error;
  return isErrorReply(reply) ? (reply.message.split(' ', 1)[0] ?? null) : null;
}

/** An answer of Redis that is an error, e.g. `OOM command not allowed`. Not a fault of the connection. */
function isErrorReply(error: unknown): error is Error {
  return error instanceof Error && error.constructor.name === 'ErrorReply';
}
