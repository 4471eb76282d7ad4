/** A vehicle's side of `/devices`: positions out, in order, each one until the service has acknowledged it. */
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

/** What became of one fix. */
export interface Delivery extends PositionResult {
  /** Round trip of the request that was acknowledged, milliseconds. */
  readonly latencyMs: number;
  /** How often it was sent; above 1, `duplicate` may only mean that an earlier acknowledgement was lost. */
  readonly attempts: number;
}

/** One acknowledged request. */
export interface RequestReport {
  /** Fixes in it. */
  readonly size: number;
  readonly latencyMs: number;
}

export interface DeviceClientOptions {
  /** Without an answer for this long the connection counts as dead; default 10,000. */
  readonly ackTimeoutMs?: number;
  /** Fixes in one request, 1–500; default 500. */
  readonly maxBatch?: number;
  /**
   * Requests without an answer at a time; default 1. With more, a request that fails while its successor is
   * stored arrives out of order, and batches that grow with the latency need no second one to keep up.
   */
  readonly maxInFlight?: number;
  readonly reconnectDelay?: ReconnectDelay;
  /** Pause after a fault of the service's own (`internal`), doubled each time in a row up to 30 s; default 1,000. */
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

/**
 * A fault of the service: what was sent is as good as before, and a release that has it mended takes it. Each time in a
 * row it is sent later.
 */
const INTERNAL = 'internal';
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 30_000;

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
  /** Some were given back while others were still out: those come first, then all goes on in order. */
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

  /** How often a fix was put on the wire again. */
  get resends(): number {
    return this.resendCount;
  }

  get isConnected(): boolean {
    return this.socket.connected;
  }

  /**
   * Resolves with the service's verdict, however many cuts later.
   * @throws SocketClientError when the token is refused (`auth/…`), when the service says that the same request
   *   would fail again (a fault of its own is no such word: see `initialBackoffMs`), or when the client was closed before the answer (`client/closed`)
   */
  send(position: PositionInput): Promise<Delivery> {
    if (this.end !== undefined) return Promise.reject(this.end);
    if (this.isClosing) return Promise.reject(closedError());
    const delivery = this.outbox.add(position);
    this.flush();
    return delivery;
  }

  /** Waits for the outstanding acknowledgements, then lets go; the rest is rejected with `client/closed`. */
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
    // An answer after its time-out or its cut: the fixes are on their way again already.
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
      // A little spread: whole fleets are told the same number at the same moment.
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

  /** No answer in time: the line or the instance is dead, so try another one rather than wait for its ping. */
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
