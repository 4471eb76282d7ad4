import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import { answerUnreadableRequests, HTTP_LIMITS, listen } from '../common/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { InstanceService, RELEASE_HEADER, releaseHeader } from '../release/index.js';
import { logSockets } from './socket-log.js';
import { SocketMetrics } from './socket-metrics.js';
import { answerUnknownEvents, guardTransports } from './transport-guard.js';

const RETRY_AFTER_S = 2;
/** A batch of 500 positions with full attributes stays under it. */
const MAX_MESSAGE_BYTES = 2_000_000;
/** For a transport that opens and never names a namespace. */
const NAMESPACE_TIMEOUT_MS = 10_000;

/**
 * The socket port's HTTP server and its Socket.IO server. Its time-outs stay under a proxy's 60 s of silence;
 * connection state recovery stays off, because it skips authentication.
 */
@Injectable()
export class SocketPort {
  private readonly logger = new Logger(SocketPort.name);
  private readonly http: HttpServer;
  readonly io: Server;
  private strangers = 0;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly instance: InstanceService,
    private readonly metrics: SocketMetrics,
  ) {
    this.http = createServer(HTTP_LIMITS, (_request, response) => {
      response.writeHead(404, { 'Content-Type': 'application/problem+json' });
      response.end(
        JSON.stringify({ type: 'about:blank', title: 'Not Found', status: 404, code: 'http/not-found' }),
      );
    });
    answerUnreadableRequests(this.http);
    // Node takes its own listener away at an upgrade: a connection that is reset then would end the process.
    this.http.on('upgrade', (_request, socket) => socket.on('error', () => undefined));
    this.io = new Server(this.http, {
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: NAMESPACE_TIMEOUT_MS,
      pingInterval: 25_000,
      pingTimeout: 20_000,
    });
    this.io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
      this.admit(request, response, next),
    );
    this.io.engine.on('headers', (headers: Record<string, string>) => {
      headers[RELEASE_HEADER] = releaseHeader(this.settings.release);
    });
    guardTransports(this.io);
    answerUnknownEvents(this.io);
    logSockets(this.io);
    this.metrics.follow(this.io);
    this.io.on('connection', (socket) => this.turnAway(socket.conn));
  }

  /** @throws EADDRINUSE and the like, as Node gives them */
  async listen(): Promise<void> {
    await listen(this.http, this.settings.socket.port, this.settings.http.host);
  }

  /** The port it really listens on. */
  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /**
   * A refusal here is a failed handshake, which every client tries again; a refused namespace would stop its
   * reconnecting for ever. So everything that passes is said here.
   */
  private admit(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const isNew = !/[?&]sid=[^&]/.test(request.url ?? '');
    if (!isNew || this.instance.canTakeIn) return next();
    if (request.headers.upgrade === undefined) {
      response.writeHead(503, { 'Retry-After': RETRY_AFTER_S, Connection: 'close' });
      response.end();
    } else {
      request.socket.end(
        `HTTP/1.1 503 Service Unavailable\r\nRetry-After: ${RETRY_AFTER_S}\r\nConnection: close\r\n\r\n`,
        () => request.socket.destroy(),
      );
    }
  }

  /** The default namespace is the old server's; until it is served, its clients are told to try again. */
  private turnAway(connection: { close(): void; remoteAddress?: string }): void {
    this.strangers += 1;
    this.metrics.oldClientTurnedAway();
    this.logger.warn(
      { count: this.strangers, address: connection.remoteAddress },
      'a client of the old server was turned away',
    );
    connection.close();
  }
}
