/** A dispatcher's side of `/live`: every stored fix once, across cuts. */
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
import { SeenFixes } from './seen-fixes.js';
import { SocketConnection, type ReconnectDelay } from './socket-connection.js';

export type StreamedItem = LiveFrame['items'][number];

/** A vehicle as `vehicle` brings it, when something about it has changed; the HTTP API's fields. */
export interface StreamedVehicle {
  readonly id: string;
  readonly callSign: string;
  readonly status: string;
}

export type ConnectionState = 'connected' | 'reconnecting' | 'draining';

export interface SubscriberClientOptions {
  readonly onItem: (item: StreamedItem) => void;
  /** Each answer to a `watch`, the ones after a reconnect included. */
  readonly onSnapshot?: (snapshot: readonly LiveItem[]) => void;
  /** The service could not keep up or not replay: the stream may have a gap here. */
  readonly onResync?: (reason: string) => void;
  /** It is outside the box now, or not in service any more. */
  readonly onLeft?: (vehicleId: string) => void;
  readonly onVehicle?: (vehicle: StreamedVehicle) => void;
  /** `draining`: this instance is about to close the connection; another one, or the next release, takes it. */
  readonly onConnectionState?: (state: ConnectionState) => void;
  /** The token was refused for good, or a repeated `watch` was. */
  readonly onEnd?: (error: SocketClientError) => void;
  /** Default 10,000. */
  readonly ackTimeoutMs?: number;
  /** (vehicle, time) pairs remembered to tell repeats; default 50,000. */
  readonly rememberedFixes?: number;
  readonly reconnectDelay?: ReconnectDelay;
}

/** The service's answer to a `watch`; without `retryAfterMs` the same one would be refused again. */
class WatchRefusedError extends SocketClientError {
  readonly retryAfterMs?: number;

  constructor(error: SocketErrorAnswer['error']) {
    super(error.code, error.message);
    this.retryAfterMs = error.retryAfterMs;
  }
}

export class SubscriberClient {
  private readonly connection: SocketConnection;
  private readonly socket: Socket<ServerToSubscriberEvents, SubscriberToServerEvents>;
  private readonly seen: SeenFixes;
  private readonly ackTimeoutMs: number;
  private request?: WatchRequest;
  private lastCursor?: string;
  private repeatCount = 0;
  private retryTimer?: NodeJS.Timeout;
  /** A replay was asked for and nothing has come of it yet. */
  private isReplayPending = false;
  private isEnded = false;

  /**
   * @param socketUrl scheme, host and port
   * @param token an access token, or where to get one: asked again at each connection
   */
  constructor(
    socketUrl: string,
    private readonly token: string | (() => Promise<string> | string),
    private readonly options: SubscriberClientOptions,
  ) {
    this.ackTimeoutMs = options.ackTimeoutMs ?? 10_000;
    this.seen = new SeenFixes(options.rememberedFixes);
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
    // Its cursor is left alone: while a replay runs it may be ahead of what was replayed.
    this.socket.on('vehicle', ({ vehicle }) => options.onVehicle?.(vehicle));
    this.socket.on('drain', () => options.onConnectionState?.('draining'));
    this.socket.on('auth.expiring', () => void this.renewToken());
  }

  connect(timeoutMs?: number): Promise<void> {
    return this.connection.connect(timeoutMs);
  }

  /** Where the stream stands; good for `since` on every instance. */
  get cursor(): string | undefined {
    return this.lastCursor;
  }

  /** Items that were discarded as repeats. */
  get repeats(): number {
    return this.repeatCount;
  }

  /**
   * Watches these vehicles from now on, in place of an earlier request, and again after each reconnect.
   * @throws SocketClientError when the service refuses the request, or does not answer it in time
   */
  async watch(request: WatchRequest = {}): Promise<readonly LiveItem[]> {
    // Connected first: set earlier, the request would be made by `onConnected` as well.
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
    // While a replay is on its way the old cursor stays: after another cut it must be asked for from the start.
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
      // Of another connection: that one has asked for itself.
      if (this.isEnded || this.socket.id !== id) return;
      this.onWatchFailed(error as SocketClientError);
    });
  }

  private onWatchFailed(failure: SocketClientError): void {
    const isRefused = failure instanceof WatchRefusedError;
    if (failure.code.startsWith('auth/')) this.finish(failure);
    else if (!isRefused || failure.retryAfterMs !== undefined) {
      const delayMs = (isRefused && failure.retryAfterMs) || 1000;
      this.retryTimer = setTimeout(() => this.rewatch(), delayMs);
    } else if (this.lastCursor !== undefined) {
      // The same request was good without a cursor: live with a gap is better than not live.
      this.lastCursor = undefined;
      this.options.onResync?.(failure.message);
      this.rewatch();
    } else this.finish(failure);
  }

  private onFrame(frame: LiveFrame): void {
    this.lastCursor = frame.cursor;
    this.isReplayPending = false;
    for (const item of frame.items) {
      if (this.seen.add(item.vehicleId, item.position.time)) this.options.onItem(item);
      else this.repeatCount += 1;
    }
  }

  /**
   * A full send buffer can be made good by a replay; a cursor that is too old cannot, and shows itself by a
   * second `resync` in answer to it: then only a fresh start is left.
   */
  private onResync(reason: string): void {
    this.options.onResync?.(reason);
    if (this.isReplayPending) this.lastCursor = undefined;
    this.rewatch();
  }

  private async renewToken(): Promise<void> {
    try {
      const token = await this.currentToken();
      this.socket.emit('authenticate', { token }, () => undefined);
    } catch {
      // The socket is closed when its token runs out; the reconnect asks for one again.
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
