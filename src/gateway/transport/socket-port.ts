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
  answerMalformedRequests,
  DomainError,
  HTTP_SERVER_OPTIONS,
  listen,
  serializeResponse,
  type RawResponse,
  rawErrorResponse,
} from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { HttpDrain, InstanceLifecycle, RELEASE_HEADER, releaseHeader } from '../../deployment/index.js';
import { logSockets } from './socket-log.js';
import { SocketMetrics } from './socket-metrics.js';
import { answerUnknownEvents, guardTransports } from './transport-guard.js';

const RETRY_AFTER_MS = 2_000;
/** A batch of 500 positions with full attributes stays under it. */
const MAX_MESSAGE_BYTES = 2_000_000;
/** For a transport that opens and never names a namespace. */
const NAMESPACE_TIMEOUT_MS = 10_000;

/** Answers a plain HTTP request of the socket port; false: it is none of its. */
export type PlainHttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * The socket port's HTTP server and its Socket.IO server. Its time-outs stay under a proxy's 60 s of silence;
 * connection state recovery stays off, because it skips authentication.
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
  ) {
    httpDrain.addConnectionCount(() => this.connections());
    this.http = createServer(HTTP_SERVER_OPTIONS, (request, response) => {
      if (this.handlePlainHttp(request, response)) return;
      const detail = 'There is no such path on this port: sockets are at /socket.io/.';
      this.answer(Object.assign(new Error(detail), { status: 404 }), request, response);
    });
    answerMalformedRequests(this.http);
    // Node takes its own listener away at an upgrade: a connection that is reset then would end the process.
    this.http.on('upgrade', (_request, socket) => socket.on('error', () => undefined));
    this.io = new Server(this.http, {
      serveClient: false,
      maxHttpBufferSize: MAX_MESSAGE_BYTES,
      connectTimeout: NAMESPACE_TIMEOUT_MS,
      pingInterval: 25_000,
      pingTimeout: 20_000,
      // The old panels are pages of other hosts. No cookie lets anybody in here, so nothing is given away by it.
      ...(settings.legacy.isEnabled && { cors: { origin: '*' } }),
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
    this.metrics.observe(this.io);
    // Never `next`: a CONNECT that is answered makes a client send what it has kept, into nothing.
    if (!settings.legacy.isEnabled) this.io.use((socket) => this.rejectOldClient(socket.conn));
  }

  /** @throws EADDRINUSE and the like, as Node gives them */
  async listen(): Promise<void> {
    await listen(this.http, this.settings.socket.port, this.settings.http.host);
  }

  /** Plain HTTP on the socket port, beside the handshakes: the old server answered its routes on both. */
  setPlainHttpHandler(handler: PlainHttpHandler): void {
    this.handlePlainHttp = handler;
  }

  /** Connections that are open, whatever they are for. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.http.getConnections((error, count) => resolve(error ? 0 : count)));
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

  /** The same as on the HTTP port. */
  private refusal(error: Error, request: IncomingMessage): RawResponse {
    const { headers, ...answer } = rawErrorResponse(error, request.headers['x-request-id']);
    return { ...answer, headers: { ...headers, [RELEASE_HEADER]: releaseHeader(this.settings.release) } };
  }

  /** The default namespace is the old server's; where it is not served, its clients are told to try again. */
  private rejectOldClient(connection: { close(): void; remoteAddress?: string }): void {
    this.rejectedOldClients += 1;
    this.metrics.oldClientRejected();
    this.logger.warn(
      { count: this.rejectedOldClients, address: connection.remoteAddress },
      'a client of the old server was turned away',
    );
    connection.close();
  }
}

function notReady(): DomainError {
  return new DomainError(
    'sockets/not-ready',
    'This instance takes no new sockets just now; connect again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
