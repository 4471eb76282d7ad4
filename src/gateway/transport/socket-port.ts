import { Inject, Injectable, Logger } from '@nestjs/common';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server } from 'socket.io';
import {
  acceptAbsoluteTargets,
  answerMalformedRequests,
  ConnectionLimits,
  DomainError,
  HTTP_SERVER_OPTIONS,
  listen,
  serializeResponse,
  type RawResponse,
  rawErrorResponse,
  StalledBodies,
} from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { HttpDrain, InstanceLifecycle, RELEASE_HEADER, releaseHeader } from '../../deployment/index.js';
import { ANSWERING_PARSER } from './answering-parser.js';
import { logSockets } from './socket-log.js';
import { SocketMetrics } from './socket-metrics.js';
import { answerUnknownEvents, guardTransports } from './transport-guard.js';
import { UnusableMessages } from './unusable-messages.js';

const RETRY_AFTER_MS = 2_000;
/** Fits a batch of 500 positions with full attributes. */
const MAX_MESSAGE_BYTES = 2_000_000;
/** Limit for a transport that opens and never joins a namespace. */
const NAMESPACE_TIMEOUT_MS = 10_000;

/** Answers a plain HTTP request of the socket port. @returns false when it does not handle this request */
type PlainHttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * The HTTP server and the Socket.IO server of the socket port. Its ping interval stays under the idle time-out of proxies
 * (60 s). Connection state recovery stays off, because it skips authentication.
 */
@Injectable()
export class SocketPort {
  private readonly logger = new Logger(SocketPort.name);
  private readonly http: HttpServer;
  readonly io: Server;
  private rejectedOldClients = 0;
  private handlePlainHttp: PlainHttpHandler = () => false;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly instance: InstanceLifecycle,
    private readonly metrics: SocketMetrics,
    httpDrain: HttpDrain,
    connectionLimits: ConnectionLimits,
  ) {
    httpDrain.addConnectionCount(() => this.connections());
    this.http = createServer(HTTP_SERVER_OPTIONS, (request, response) => {
      if (this.handlePlainHttp(request, response)) return;
      const detail = 'There is no such path on this port: sockets are at /socket.io/.';
      this.answer(Object.assign(new Error(detail), { status: 404 }), request, response);
    });
    answerMalformedRequests(this.http);
    // Node removes its own error listener at an upgrade; without one, a reset connection would end the process.
    this.http.on('upgrade', (_request, socket) => socket.on('error', () => undefined));
    this.io = new Server(this.http, {
      serveClient: false,
      parser: ANSWERING_PARSER,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: NAMESPACE_TIMEOUT_MS,
      pingInterval: 25_000,
      pingTimeout: 20_000,
      // The old panels are pages of other hosts. Authentication uses no cookies, so any origin is safe.
      cors: { origin: settings.legacy.isEnabled ? '*' : [...settings.http.corsOrigins] },
    });
    acceptAbsoluteTargets(this.http);
    connectionLimits.apply(this.http);
    new StalledBodies(this.http, settings.http.bodyPace).start();
    this.io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
      this.admit(request, response, next),
    );
    this.io.engine.on('headers', (headers: Record<string, string>) => {
      headers[RELEASE_HEADER] = releaseHeader(this.settings.release);
    });
    guardTransports(this.io);
    answerUnknownEvents(this.io);
    logSockets(this.io);
    new UnusableMessages(this.io, metrics);
    this.metrics.observe(this.io);
    // This middleware never calls `next`: after a CONNECT the client would send its buffered events, which nothing
    // handles.
    if (!settings.legacy.isEnabled) this.io.use((socket) => this.rejectOldClient(socket.conn));
  }

  /** @throws EADDRINUSE and other errors of Node */
  async listen(): Promise<void> {
    await listen(this.http, this.settings.socket.port, this.settings.http.host);
  }

  /** Handles plain HTTP on the socket port, because the old server answered its routes on both ports. */
  setPlainHttpHandler(handler: PlainHttpHandler): void {
    this.handlePlainHttp = handler;
  }

  /** Open TCP connections. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.http.getConnections((error, count) => resolve(error ? 0 : count)));
  }

  /** The actual port. */
  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /**
   * Refuses temporary states at the handshake, because clients retry a failed handshake. A refused namespace would stop
   * a client's reconnecting for ever.
   */
  private admit(request: IncomingMessage, response: ServerResponse, next: () => void): void {
    // The Socket.IO client of the old server is below the path of the sockets.
    if (request.headers.upgrade === undefined && this.handlePlainHttp(request, response)) return;
    const isNew = !/[?&]sid=[^&]/.test(request.url ?? '');
    if (!isNew || this.instance.canAcceptSockets) return next();
    if (request.headers.upgrade === undefined) this.answer(notReady(), request, response);
    else
      request.socket.end(serializeResponse(this.refusal(notReady(), request)), () =>
        request.socket.destroy(),
      );
  }

  private answer(error: Error, request: IncomingMessage, response: ServerResponse): void {
    const { status, headers, body } = this.refusal(error, request);
    response.writeHead(status, headers).end(body);
  }

  /** The same format as on the HTTP port. */
  private refusal(error: Error, request: IncomingMessage): RawResponse {
    const { headers, ...answer } = rawErrorResponse(error, request.headers['x-request-id']);
    return { ...answer, headers: { ...headers, [RELEASE_HEADER]: releaseHeader(this.settings.release) } };
  }

  /** Closes a client of the old server with LEGACY_CLIENTS=off; it retries. */
  private rejectOldClient(connection: { close(): void; remoteAddress?: string }): void {
    this.rejectedOldClients += 1;
    this.metrics.oldClientRejected();
    this.logger.warn(
      { count: this.rejectedOldClients, address: connection.remoteAddress },
      'old client rejected: LEGACY_CLIENTS is off',
    );
    connection.close();
  }
}

function notReady(): DomainError {
  return new DomainError(
    'sockets/not-ready',
    'This instance accepts no new sockets at the moment; connect again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
