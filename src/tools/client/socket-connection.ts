import { io, type Socket } from 'socket.io-client';
import type { DrainNotice } from '../../gateway/socket-events.js';
import { SocketClientError, UnreachableError } from './client.errors.js';

/** Bounds of the pause before a new attempt, milliseconds; each pause is a random value between them. */
export interface ReconnectDelay {
  readonly minMs: number;
  readonly maxMs: number;
}
const DEFAULT_DELAY: ReconnectDelay = { minMs: 1000, maxMs: 5000 };

type HandshakeAuth = () => Promise<Record<string, unknown>>;

interface ConnectionHooks {
  readonly onConnected: () => void;
  readonly onDisconnected: () => void;
  /** The service refused the token (`auth/…`): no further attempt follows. */
  readonly onRefused: (error: SocketClientError) => void;
}

/**
 * Keeps one Socket.IO namespace connected. After a `disconnect()` by the server and after a namespace refusal
 * socket.io-client does not reconnect; this class does, except after a refusal with an `auth/…` code.
 */
export class SocketConnection {
  readonly socket: Socket;
  private readonly delay: ReconnectDelay;
  private retryTimer?: NodeJS.Timeout;
  private drainDelayMs?: number;
  private refusal?: SocketClientError;
  private lastFailure = 'no answer';
  private readonly closing = new AbortController();

  constructor(
    private readonly url: string,
    auth: HandshakeAuth,
    private readonly hooks: ConnectionHooks,
    delay: ReconnectDelay = DEFAULT_DELAY,
  ) {
    this.delay = delay;
    this.socket = io(url, {
      // With polling, a request that reaches another instance is answered with 400 and the session starts again.
      transports: ['websocket'],
      // Without this option, sockets to one address share a transport and are cut together.
      forceNew: true,
      autoConnect: false,
      timeout: 10_000,
      auth: (answer) => void auth().then(answer, (error: unknown) => this.onTokenUnavailable(error)),
    });
    this.resetReconnectDelay();
    this.socket.on('connect', () => {
      this.drainDelayMs = undefined;
      this.resetReconnectDelay();
      hooks.onConnected();
    });
    this.socket.on('disconnect', (reason) => {
      hooks.onDisconnected();
      if (reason === 'io server disconnect') this.connectLater();
    });
    this.socket.on('connect_error', (error) => this.onConnectError(error));
    this.socket.on('drain', (notice: DrainNotice) => this.onDrain(notice));
  }

  /**
   * Resolves at the first connection. After a rejection the attempts continue until `close`.
   * @param timeoutMs limit for the first connection; absent: no limit
   * @throws SocketClientError `auth/…`, or `client/closed` by `close`; UnreachableError after `timeoutMs`
   */
  async connect(timeoutMs?: number): Promise<void> {
    if (this.socket.connected) return;
    if (this.refusal !== undefined) throw this.refusal;
    if (this.closing.signal.aborted) throw closedError();
    await new Promise<void>((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              stopListening();
              reject(new UnreachableError(this.url, 'client/unreachable', this.lastFailure));
            }, timeoutMs);
      const onConnect = (): void => {
        stopListening();
        resolve();
      };
      const onClose = (): void => {
        stopListening();
        reject(this.refusal ?? closedError());
      };
      const stopListening = (): void => {
        clearTimeout(timer);
        this.socket.off('connect', onConnect);
        this.closing.signal.removeEventListener('abort', onClose);
      };
      this.socket.on('connect', onConnect);
      this.closing.signal.addEventListener('abort', onClose);
      this.socket.connect();
    });
  }

  /** Closes the connection and opens a new one, possibly to another instance. */
  renew(): void {
    this.socket.io.engine.close();
  }

  close(): void {
    this.closing.abort();
    clearTimeout(this.retryTimer);
    this.socket.disconnect();
  }

  private onConnectError(error: Error): void {
    const code = authCodeOf(error);
    if (code !== undefined) {
      this.refusal = new SocketClientError(code, error.message);
      this.close();
      this.hooks.onRefused(this.refusal);
      return;
    }
    const description = (error as Error & { description?: { message?: string } }).description;
    this.lastFailure = description?.message ?? error.message;
    // The delay of a drain notice is for the first attempt only; later attempts use the usual growing pauses.
    this.resetReconnectDelay();
    if (!this.socket.active) this.connectLater();
  }

  /** The token could not be fetched. Its source can recover, so the attempts continue. */
  private onTokenUnavailable(error: unknown): void {
    this.lastFailure = error instanceof Error ? error.message : String(error);
    this.socket.disconnect();
    this.connectLater();
  }

  private onDrain({ reconnectWithinMs }: DrainNotice): void {
    if (!Number.isFinite(reconnectWithinMs) || reconnectWithinMs < 0) return;
    // Every client gets the same notice; a random delay spreads their reconnects.
    const delayMs = Math.max(20, Math.random() * reconnectWithinMs);
    this.drainDelayMs = delayMs;
    this.socket.io.reconnectionDelay(delayMs).reconnectionDelayMax(delayMs).randomizationFactor(0);
  }

  private resetReconnectDelay(): void {
    const { minMs, maxMs } = this.delay;
    this.socket.io.reconnectionDelay(minMs).reconnectionDelayMax(maxMs).randomizationFactor(0.5);
  }

  private connectLater(): void {
    if (this.closing.signal.aborted) return;
    const { minMs, maxMs } = this.delay;
    const delayMs = this.drainDelayMs ?? minMs + Math.random() * (maxMs - minMs);
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.socket.connect(), delayMs);
  }
}

function closedError(): SocketClientError {
  return new SocketClientError('client/closed', 'closed before it was connected');
}

function authCodeOf(error: Error): string | undefined {
  const code = (error as Error & { data?: { code?: unknown } }).data?.code;
  return typeof code === 'string' && code.startsWith('auth/') ? code : undefined;
}
