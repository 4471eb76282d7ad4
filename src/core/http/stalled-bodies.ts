import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/** How slowly the body of a request may arrive. */
export interface BodyPace {
  /** Longest time without a byte. */
  readonly stallMs: number;
  /** Over each window of 60 s. */
  readonly minBytesPerS: number;
}

const CHECK_INTERVAL_MS = 1_000;
/** Long enough that a radio link which is away for half of it still passes. */
const WINDOW_MS = 60_000;

interface Connection {
  /** The newest request. Set by each request, so it costs a request no allocation. */
  request: IncomingMessage | null;
  /** The request that the figures below belong to. */
  watched: IncomingMessage | null;
  bytesRead: number;
  progressMs: number;
  windowBytesRead: number;
  windowStartMs: number;
}

/**
 * Closes connections whose request body stops arriving or trickles. A body that keeps its pace may take any time: Node's
 * `requestTimeout` limits the whole request, so that a large image on a slow radio link fails at every retry. The headers
 * are limited by Node's `headersTimeout`.
 */
export class StalledBodies {
  private readonly connections = new Map<Socket, Connection>();

  constructor(
    private readonly server: Server,
    private readonly pace: BodyPace,
  ) {}

  /** Call it after everything that replaces the listeners of `request`, such as Socket.IO. */
  start(): void {
    this.observe();
    const timer = setInterval(() => this.check(performance.now()), CHECK_INTERVAL_MS).unref();
    this.server.once('close', () => clearInterval(timer));
  }

  /** `start` without its timer. */
  observe(): void {
    this.server.on('connection', (socket: Socket) => {
      this.connections.set(socket, newConnection());
      socket.once('close', () => this.connections.delete(socket));
    });
    this.server.prependListener('request', (request: IncomingMessage) => {
      const connection = this.connections.get(request.socket);
      if (connection) connection.request = request;
    });
  }

  /** @param nowMs any monotonic clock, always the same */
  check(nowMs: number): void {
    for (const [socket, connection] of this.connections) {
      if (connection.request === null) continue;
      if (connection.request.complete || connection.request.destroyed) forget(connection);
      else if (this.isTooSlow(socket, connection, connection.request, nowMs)) this.close(socket);
    }
  }

  private isTooSlow(
    { bytesRead }: Socket,
    connection: Connection,
    request: IncomingMessage,
    nowMs: number,
  ): boolean {
    // The service has not taken what arrived: the client is not the cause of a pause.
    if (connection.watched !== request || request.readableLength > 0) {
      connection.watched = request;
      restartWindow(connection, bytesRead, nowMs);
      connection.progressMs = nowMs;
    } else if (bytesRead !== connection.bytesRead) connection.progressMs = nowMs;
    connection.bytesRead = bytesRead;
    if (nowMs - connection.progressMs >= this.pace.stallMs) return true;
    const windowMs = nowMs - connection.windowStartMs;
    if (windowMs < WINDOW_MS) return false;
    const isTrickling = bytesRead - connection.windowBytesRead < (this.pace.minBytesPerS * windowMs) / 1_000;
    restartWindow(connection, bytesRead, nowMs);
    return isTrickling;
  }

  /** As Node does at the end of `requestTimeout`: the listener of `clientError` answers 408. */
  private close(socket: Socket): void {
    this.connections.delete(socket);
    const error = Object.assign(new Error('the request body stalled'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
    if (!this.server.emit('clientError', error, socket)) socket.destroy();
  }
}

function newConnection(): Connection {
  return {
    request: null,
    watched: null,
    bytesRead: 0,
    progressMs: 0,
    windowBytesRead: 0,
    windowStartMs: 0,
  };
}

function forget(connection: Connection): void {
  connection.request = null;
  connection.watched = null;
}

function restartWindow(connection: Connection, bytesRead: number, nowMs: number): void {
  connection.windowBytesRead = bytesRead;
  connection.windowStartMs = nowMs;
}
