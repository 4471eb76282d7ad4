import { LRUCache } from 'lru-cache';
import type { Socket } from 'socket.io-client';
import type {
  LiveFrame,
  LiveItem,
  ServerToSubscriberEvents,
  SocketErrorAnswer,
  WatchAnswer,
  SubscriberToServerEvents,
  WatchRequest,
} from '../../gateway/socket-events.js';
import { SocketClientError } from './client.errors.js';
import { SocketConnection, type ReconnectDelay } from './socket-connection.js';

/** Before a stream that ended without its replay is requested again, as `docs/live.md` requires for `storage`. */
const RESYNC_PAUSE_MS = 1_000;

export type StreamedItem = LiveFrame['items'][number];

/** The payload of the event `vehicle`: a changed vehicle, with fields of the HTTP API. */
export interface StreamedVehicle {
  readonly id: string;
  readonly callSign: string;
  readonly status: string;
}

export type ConnectionState = 'connected' | 'reconnecting' | 'draining';

export interface SubscriberClientOptions {
  readonly onItem: (item: StreamedItem) => void;
  /** Each answer to a `watch`, including those after a reconnect. */
  readonly onSnapshot?: (snapshot: readonly LiveItem[]) => void;
  /** The service had to drop items or could not replay them: the stream can have a gap here. */
  readonly onResync?: (reason: string) => void;
  /** The vehicle left the box or the service. */
  readonly onLeft?: (vehicleId: string) => void;
  readonly onVehicle?: (vehicle: StreamedVehicle) => void;
  /** `draining`: this instance closes the connection soon, and the client reconnects to another one. */
  readonly onConnectionState?: (state: ConnectionState) => void;
  /** The service refused the token or a repeated `watch` finally. The client is closed. */
  readonly onEnd?: (error: SocketClientError) => void;
  /** Default 10,000. */
  readonly ackTimeoutMs?: number;
  /** (vehicle, time) pairs remembered to discard repeats; default 50,000. */
  readonly rememberedFixes?: number;
  readonly reconnectDelay?: ReconnectDelay;
}

/** The service refused a `watch`. Without `retryAfterMs` it would refuse the same request again. */
class WatchRefusedError extends SocketClientError {
  readonly retryAfterMs?: number;

  constructor(error: SocketErrorAnswer['error']) {
    super(error.code, error.message);
    this.retryAfterMs = error.retryAfterMs;
  }
}

/** A subscriber of `/live`: it receives every stored fix once, across reconnects. */
export class SubscriberClient {
  private readonly connection: SocketConnection;
  private readonly socket: Socket<ServerToSubscriberEvents, SubscriberToServerEvents>;
  /** Keys of the newest fixes: the service delivers each fix at least once. */
  private readonly seen: LRUCache<string, true>;
  private readonly ackTimeoutMs: number;
  private request?: WatchRequest;
  private lastCursor?: string;
  private repeatCount = 0;
  private retryTimer?: NodeJS.Timeout;
  /** A replay was requested and no frame of it has arrived. */
  private isReplayPending = false;
  private isEnded = false;

  /**
   * @param socketUrl scheme, host and port
   * @param token an access token, or a function that is called for one at each connection
   */
  constructor(
    socketUrl: string,
    private readonly token: string | (() => Promise<string> | string),
    private readonly options: SubscriberClientOptions,
  ) {
    this.ackTimeoutMs = options.ackTimeoutMs ?? 10_000;
    this.seen = new LRUCache({ max: options.rememberedFixes ?? 50_000 });
    this.connection = new SocketConnection(
      `${socketUrl.replace(/\/+$/, '')}/live`,
      async () => ({ token: await this.currentToken() }),
      {
        onConnected: () => {
          options.onConnectionState?.('connected');
          this.rewatch();
        },
        onDisconnected: () => {
          clearTimeout(this.retryTimer);
          if (!this.isEnded) options.onConnectionState?.('reconnecting');
        },
        onRefused: (error) => this.finish(error),
      },
      options.reconnectDelay,
    );
    this.socket = this.connection.socket;
    this.socket.on('positions', (frame) => this.onFrame(frame));
    this.socket.on('resync', ({ reason }) => this.onResync(reason));
    this.socket.on('left', ({ vehicleId }) => options.onLeft?.(vehicleId));
    // Its cursor is not used: during a replay it can be ahead of the replayed items.
    this.socket.on('vehicle', ({ vehicle }) => options.onVehicle?.(vehicle));
    this.socket.on('drain', () => options.onConnectionState?.('draining'));
    this.socket.on('auth.expiring', () => void this.renewToken());
  }

  connect(timeoutMs?: number): Promise<void> {
    return this.connection.connect(timeoutMs);
  }

  /** The position in the stream; valid as `since` on every instance. */
  get cursor(): string | undefined {
    return this.lastCursor;
  }

  /** Items that were discarded as repeats. */
  get repeats(): number {
    return this.repeatCount;
  }

  /**
   * Watches these vehicles. The request replaces an earlier one and is repeated after each reconnect.
   * @throws SocketClientError when the service refuses the request, or does not answer it in time
   */
  async watch(request: WatchRequest = {}): Promise<readonly LiveItem[]> {
    // Connects first: `onConnected` would send a request that is already set a second time.
    await this.connection.connect(this.ackTimeoutMs);
    this.request = request;
    this.lastCursor = request.since;
    return this.requestWatch();
  }

  close(): void {
    this.isEnded = true;
    clearTimeout(this.retryTimer);
    this.connection.close();
  }

  private async requestWatch(): Promise<readonly LiveItem[]> {
    const since = this.lastCursor;
    const asked: WatchRequest = { ...this.request, since };
    this.isReplayPending = since !== undefined;
    const answer = await this.emitWatch(asked);
    if ('error' in answer) throw new WatchRefusedError(answer.error);
    // Until the replay arrives the old cursor stays: after another cut the whole replay is requested again.
    if (since === undefined || this.lastCursor === undefined) this.lastCursor = answer.cursor;
    this.options.onSnapshot?.(answer.snapshot);
    return answer.snapshot;
  }

  private emitWatch(request: WatchRequest): Promise<WatchAnswer | SocketErrorAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(new SocketClientError('client/timeout', `no answer to watch in ${this.ackTimeoutMs} ms`)),
        this.ackTimeoutMs,
      );
      this.socket.emit('watch', request, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  private rewatch(): void {
    if (this.request === undefined || this.isEnded) return;
    const { id } = this.socket;
    this.requestWatch().catch((error: unknown) => {
      // The error belongs to an earlier connection; the current one has sent its own request.
      if (this.isEnded || this.socket.id !== id) return;
      this.onWatchFailed(error as SocketClientError);
    });
  }

  private onWatchFailed(failure: SocketClientError): void {
    const isRefused = failure instanceof WatchRefusedError;
    if (failure.code.startsWith('auth/')) this.finish(failure);
    else if (!isRefused || failure.retryAfterMs !== undefined) {
      this.rewatchLater((isRefused && failure.retryAfterMs) || 1000);
    } else if (this.lastCursor !== undefined) {
      // The request was accepted without a cursor before: a stream with a gap is better than none.
      this.lastCursor = undefined;
      this.options.onResync?.(failure.message);
      this.rewatch();
    } else this.finish(failure);
  }

  private onFrame(frame: LiveFrame): void {
    this.lastCursor = frame.cursor;
    this.isReplayPending = false;
    for (const item of frame.items) {
      const key = `${item.vehicleId}|${Date.parse(item.position.time)}`;
      if (this.seen.has(key)) this.repeatCount += 1;
      else {
        this.seen.set(key, true);
        this.options.onItem(item);
      }
    }
  }

  /**
   * A replay delivers the missing items. After `replay_limit` the cursor is too old for one, and the client starts again
   * without a cursor. A stream that ends before its replay has begun is requested again after a pause.
   */
  private onResync(reason: string): void {
    this.options.onResync?.(reason);
    if (reason === 'replay_limit') this.lastCursor = undefined;
    else if (this.isReplayPending) return this.rewatchLater(RESYNC_PAUSE_MS);
    this.rewatch();
  }

  private rewatchLater(delayMs: number): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.rewatch(), delayMs);
  }

  private async renewToken(): Promise<void> {
    try {
      const token = await this.currentToken();
      this.socket.emit('authenticate', { token }, () => undefined);
    } catch {
      // The service closes the socket when its token expires; the reconnect fetches a new one.
    }
  }

  private async currentToken(): Promise<string> {
    return typeof this.token === 'string' ? this.token : this.token();
  }

  private finish(error: SocketClientError): void {
    if (this.isEnded) return;
    this.close();
    this.options.onEnd?.(error);
  }
}
