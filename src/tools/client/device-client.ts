import type { Socket } from 'socket.io-client';
import type {
  DeviceToServerEvents,
  ServerToDeviceEvents,
  SocketErrorAnswer,
} from '../../gateway/socket-events.js';
import type { PositionInput, PositionResult, ReportAnswer } from '../../core/index.js';
import { SocketClientError } from './client.errors.js';
import { Outbox, type OutboxEntry } from './outbox.js';
import { SocketConnection, type ReconnectDelay } from './socket-connection.js';

/** The acknowledgement of one fix. */
export interface Delivery extends PositionResult {
  /** Round trip of the request that was acknowledged, milliseconds. */
  readonly latencyMs: number;
  /** Number of times it was sent. Above 1, `duplicate` can mean that an earlier acknowledgement was lost. */
  readonly attempts: number;
}

/** One acknowledged request. */
export interface RequestReport {
  /** Fixes in it. */
  readonly size: number;
  readonly latencyMs: number;
}

export interface DeviceClientOptions {
  /** After this time without an answer the client renews the connection; default 10,000. */
  readonly ackTimeoutMs?: number;
  /** Fixes in one request, 1–500; default 500. */
  readonly maxBatch?: number;
  /**
   * Requests in flight at a time; default 1. With more, fixes can arrive out of order when one request fails. One is
   * enough, because batches grow with the latency.
   */
  readonly maxInFlight?: number;
  readonly reconnectDelay?: ReconnectDelay;
  /** Pause after an `internal` error of the service, doubled for each further one up to 30 s; default 1,000. */
  readonly initialBackoffMs?: number;
  readonly onRequest?: (report: RequestReport) => void;
}

interface Request {
  readonly entries: readonly OutboxEntry<Delivery>[];
  readonly sentAtMs: number;
  readonly timer: NodeJS.Timeout;
}

/** The contract's limit of one `positions` event. */
const MAX_BATCH = 500;

/** An error of the service, not of the fixes: they are sent again, and a later release can accept them. */
const INTERNAL = 'internal';
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

/** A device on `/devices`: it sends positions in order and repeats each one until the service has acknowledged it. */
export class DeviceClient {
  private readonly connection: SocketConnection;
  private readonly socket: Socket<ServerToDeviceEvents, DeviceToServerEvents>;
  private readonly outbox = new Outbox<Delivery>();
  private readonly inFlight = new Set<Request>();
  private readonly ackTimeoutMs: number;
  private readonly maxBatch: number;
  private readonly maxInFlight: number;
  private readonly initialBackoffMs: number;
  private readonly onRequest?: (report: RequestReport) => void;
  private retryTimer?: NodeJS.Timeout;
  /** Some requests were requeued while others are in flight: the client waits for the others to keep the order. */
  private isRecovering = false;
  private isClosing = false;
  private end?: SocketClientError;
  private onIdle?: () => void;
  private resendCount = 0;
  private consecutiveFaults = 0;

  /**
   * @param socketUrl scheme, host and port, e.g. `http://127.0.0.1:5050`
   * @param token a device token
   */
  constructor(socketUrl: string, token: string, options: DeviceClientOptions = {}) {
    this.ackTimeoutMs = options.ackTimeoutMs ?? 10_000;
    this.maxBatch = Math.min(MAX_BATCH, Math.max(1, options.maxBatch ?? MAX_BATCH));
    this.maxInFlight = Math.max(1, options.maxInFlight ?? 1);
    this.initialBackoffMs = options.initialBackoffMs ?? INITIAL_BACKOFF_MS;
    this.onRequest = options.onRequest;
    this.connection = new SocketConnection(
      `${socketUrl.replace(/\/+$/, '')}/devices`,
      async () => ({ token }),
      {
        onConnected: () => this.flush(),
        onDisconnected: () => this.requeueAll(),
        onRefused: (error) => this.finish(error),
      },
      options.reconnectDelay,
    );
    this.socket = this.connection.socket;
  }

  /** See `SocketConnection.connect`: resolves at the first connection; `send` may be called before. */
  connect(timeoutMs?: number): Promise<void> {
    return this.connection.connect(timeoutMs);
  }

  /** Fixes without an acknowledgement. */
  get pending(): number {
    let count = this.outbox.size;
    for (const request of this.inFlight) count += request.entries.length;
    return count;
  }

  /** Number of fixes sent again. */
  get resends(): number {
    return this.resendCount;
  }

  get isConnected(): boolean {
    return this.socket.connected;
  }

  /**
   * Resolves with the verdict of the service, also after reconnects.
   * @throws SocketClientError when the service refuses the token (`auth/…`) or refuses the request finally (`internal`
   *   is retried, see `initialBackoffMs`), or when the client is closed before the answer (`client/closed`)
   */
  send(position: PositionInput): Promise<Delivery> {
    if (this.end !== undefined) return Promise.reject(this.end);
    if (this.isClosing) return Promise.reject(closedError());
    const delivery = this.outbox.add(position);
    this.flush();
    return delivery;
  }

  /** Waits for the outstanding acknowledgements, then closes; the remaining fixes are rejected with `client/closed`. */
  async close(timeoutMs = 10_000): Promise<{ unacknowledged: number }> {
    this.isClosing = true;
    if (this.pending > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const unacknowledged = this.pending;
    this.finish(closedError());
    return { unacknowledged };
  }

  private flush(): void {
    if (!this.socket.connected || this.end !== undefined || this.retryTimer !== undefined) return;
    if (this.isRecovering && this.inFlight.size > 0) return;
    this.isRecovering = false;
    while (this.inFlight.size < this.maxInFlight && this.outbox.size > 0)
      this.emit(this.outbox.take(this.maxBatch));
  }

  private emit(entries: readonly OutboxEntry<Delivery>[]): void {
    for (const entry of entries) {
      if (entry.attempts > 0) this.resendCount += 1;
      entry.attempts += 1;
    }
    const request: Request = {
      entries,
      sentAtMs: performance.now(),
      timer: setTimeout(() => this.onAckTimeout(request), this.ackTimeoutMs),
    };
    this.inFlight.add(request);
    const acknowledge = (answer: ReportAnswer | SocketErrorAnswer): void => this.onAnswer(request, answer);
    const [first] = entries;
    if (entries.length === 1 && first !== undefined)
      this.socket.emit('position', first.position, acknowledge);
    else this.socket.emit('positions', { positions: entries.map((entry) => entry.position) }, acknowledge);
  }

  private onAnswer(request: Request, answer: ReportAnswer | SocketErrorAnswer): void {
    // The answer came after a time-out or a cut: the fixes were requeued already.
    if (!this.inFlight.delete(request)) return;
    clearTimeout(request.timer);
    const latencyMs = performance.now() - request.sentAtMs;
    if (isErrorAnswer(answer)) this.onErrorAnswer(request, answer.error);
    else {
      this.consecutiveFaults = 0;
      this.settle(request, answer, latencyMs);
      this.onRequest?.({ size: request.entries.length, latencyMs });
    }
    if (this.pending === 0) this.onIdle?.();
    this.flush();
  }

  private settle(request: Request, answer: ReportAnswer | null | undefined, latencyMs: number): void {
    const results = new Map(answer?.results?.map((result) => [result.index, result]));
    request.entries.forEach((entry, index) => {
      const result = results.get(index);
      if (result !== undefined) entry.settle({ ...result, latencyMs, attempts: entry.attempts });
      else entry.fail(new SocketClientError('client/bad-answer', `no result for index ${index}`));
    });
  }

  private onErrorAnswer(request: Request, error: SocketErrorAnswer['error']): void {
    const retryAfterMs = error.retryAfterMs ?? (error.code === INTERNAL ? this.nextBackoffMs() : undefined);
    if (error.code.startsWith('auth/')) {
      this.outbox.requeue(request.entries);
      this.finish(new SocketClientError(error.code, error.message));
    } else if (retryAfterMs === undefined) {
      for (const entry of request.entries) entry.fail(new SocketClientError(error.code, error.message));
    } else {
      this.requeue(request.entries);
      // Jitter: a whole fleet gets the same `retryAfterMs` at the same time.
      const delayMs = retryAfterMs * (1 + Math.random() * 0.2);
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => {
        this.retryTimer = undefined;
        this.flush();
      }, delayMs);
    }
  }

  private nextBackoffMs(): number {
    this.consecutiveFaults += 1;
    return Math.min(this.initialBackoffMs * 2 ** (this.consecutiveFaults - 1), MAX_BACKOFF_MS);
  }

  /** The connection or the instance is dead: a new connection is faster than waiting for the ping time-out. */
  private onAckTimeout(request: Request): void {
    if (this.inFlight.has(request)) this.connection.renew();
  }

  private requeue(entries: readonly OutboxEntry<Delivery>[]): void {
    this.outbox.requeue(entries);
    this.isRecovering = true;
  }

  private requeueAll(): void {
    for (const request of this.inFlight) {
      clearTimeout(request.timer);
      this.requeue(request.entries);
    }
    this.inFlight.clear();
  }

  private finish(error: SocketClientError): void {
    if (this.end !== undefined) return;
    this.end = error;
    clearTimeout(this.retryTimer);
    this.requeueAll();
    this.connection.close();
    this.outbox.failAll(error);
    this.onIdle?.();
  }
}

function isErrorAnswer(answer: ReportAnswer | SocketErrorAnswer | null): answer is SocketErrorAnswer {
  return typeof answer === 'object' && answer !== null && 'error' in answer;
}

function closedError(): SocketClientError {
  return new SocketClientError('client/closed', 'closed before the service had acknowledged');
}
