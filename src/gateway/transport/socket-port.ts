import { Inject, Injectable } from '@nestjs/common';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import type { Principal } from '../../auth/index.js';
import {
  acceptAbsoluteTargets,
  answerMalformedRequests,
  ClientAddresses,
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
import { RELEASE_HEADER, releaseHeader } from '../../cluster/index.js';
import { HttpDrain, InstanceLifecycle } from '../../deployment/index.js';
import { ANSWERING_PARSER } from './answering-parser.js';
import { logSockets } from './socket-log.js';
import { SocketMetrics } from './socket-metrics.js';
import { SocketRefusals } from './socket-refusals.js';
import { TransportLimits } from './transport-limits.js';
import { answerUnknownEvents } from './unknown-events.js';
import { reportUnusableMessages } from './unusable-messages.js';

const RETRY_AFTER_MS = 2_000;
/** Limit for a transport that opens and never joins a namespace. */
const NAMESPACE_TIMEOUT_MS = 10_000;

/** The code of Engine.IO for a session that it does not have. */
const UNKNOWN_SESSION = 1;
/**
 * A reverse proxy in front of several instances sets this header to 404. It can then repeat a request of a session that
 * this instance does not have on the next one: nginx repeats a 404, but not the 400 of Engine.IO.
 */
const UNKNOWN_SESSION_HEADER = 'x-unknown-session';

interface HandshakeError {
  readonly req: IncomingMessage;
  readonly code: number;
  readonly message: string;
}

/** Answers a plain HTTP request of the socket port. @returns false when it does not handle this request */
type PlainHttpHandler = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * The HTTP server and the Socket.IO server of the socket port. Its ping interval stays under the idle time-out of proxies
 * (60 s). Connection state recovery stays off, because it skips authentication.
 */
@Injectable()
export class SocketPort {
  private readonly http: HttpServer;
  readonly io: Server;
  private handlePlainHttp: PlainHttpHandler = () => false;

  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly instance: InstanceLifecycle,
    private readonly metrics: SocketMetrics,
    private readonly limits: TransportLimits,
    private readonly refusals: SocketRefusals,
    private readonly addresses: ClientAddresses,
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
      // Raised for an authenticated client. A polling client gets it as `maxPayload` and splits a backlog by it.
      maxHttpBufferSize: settings.socket.limits.anonymousMessageBytes,
      connectTimeout: NAMESPACE_TIMEOUT_MS,
      pingInterval: 25_000,
      pingTimeout: 20_000,
      // The old panels are pages of other hosts. Authentication uses no cookies, so any origin is safe.
      cors: { origin: settings.legacy.isEnabled ? '*' : [...settings.http.corsOrigins] },
    });
    new StalledBodies(this.http, settings.http.bodyPace).start();
    acceptAbsoluteTargets(this.http);
    connectionLimits.apply(this.http);
    this.io.engine.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
      this.admit(request, response, next),
    );
    this.io.engine.on('headers', (headers: Record<string, string>) => {
      headers[RELEASE_HEADER] = releaseHeader(this.settings.release);
    });
    this.io.engine.on('connection_error', (error: HandshakeError) => this.onHandshakeError(error));
    limits.attach(this.io);
    answerUnknownEvents(this.io, (socket, event) =>
      this.refusals.record('unknown_event', this.sourceOf(socket), { namespace: socket.nsp.name, event }),
    );
    logSockets(this.io);
    reportUnusableMessages(this.io, (socket, reason, sizeBytes) =>
      this.refusals.record(reason, this.sourceOf(socket), { namespace: socket.nsp.name, sizeBytes }),
    );
    this.metrics.observe(this.io);
    // This middleware never calls `next`: after a CONNECT the client would send its buffered events, which nothing
    // handles.
    if (!settings.legacy.isEnabled) this.io.use((socket) => this.rejectOldClient(socket));
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

  /** Ends all TCP connections, also those with a request in progress. */
  closeConnections(): void {
    this.http.closeAllConnections();
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
    const [, session] = /[?&]sid=([^&]+)/.exec(request.url ?? '') ?? [];
    const refusal =
      session === undefined ? this.handshakeRefusal(request) : this.sessionRefusal(request, session);
    if (!refusal) return next();
    if (request.headers.upgrade === undefined) this.answer(refusal, request, response);
    else
      request.socket.end(serializeResponse(this.refusal(refusal, request)), () => request.socket.destroy());
  }

  /** Not counted as a refusal: another instance has the session. */
  private sessionRefusal(request: IncomingMessage, session: string): Error | null {
    if (request.headers[UNKNOWN_SESSION_HEADER] !== '404') return null;
    const { clients } = this.io.engine as unknown as { readonly clients: Readonly<Record<string, unknown>> };
    if (Object.hasOwn(clients, session)) return null;
    return Object.assign(new Error('This instance does not have the session.'), { status: 404 });
  }

  private handshakeRefusal(request: IncomingMessage): DomainError | null {
    if (this.limits.isShareUsed(request)) return tooMany();
    if (this.instance.canAcceptSockets) return null;
    this.refusals.record('not_ready', { network: this.addresses.networkOf(request) });
    return notReady();
  }

  private onHandshakeError({ req, code, message }: HandshakeError): void {
    const reason = code === UNKNOWN_SESSION ? 'unknown_session' : 'protocol';
    this.refusals.record(reason, { network: this.addresses.networkOf(req) }, { detail: message });
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
  private rejectOldClient(socket: Socket): void {
    this.metrics.oldClientRejected();
    this.refusals.record('old_client', this.sourceOf(socket));
    socket.conn.close();
  }

  private sourceOf({ request, data }: Socket): { network: string; principal?: Principal } {
    const { principal } = data as { principal?: Principal };
    return { network: this.addresses.networkOf(request), ...(principal && { principal }) };
  }
}

function notReady(): DomainError {
  return new DomainError(
    'sockets/not-ready',
    'This instance accepts no new sockets at the moment; connect again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

function tooMany(): DomainError {
  return new DomainError(
    'sockets/too-many',
    'Too many connections of this address have joined no namespace; connect again shortly.',
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
