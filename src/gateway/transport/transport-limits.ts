import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Principal } from '../../auth/index.js';
import { SETTINGS, type Settings, type SocketLimits } from '../../config/index.js';
import { BackgroundJobs, type BytesHold, ClientAddresses, InFlightBytes, Metrics } from '../../core/index.js';
import { DeviceRate } from '../../tracking/index.js';
import type { EngineConnection } from './engine-connection.js';
import { callerOf, GuardedTransport, type TransportOwner } from './guarded-transport.js';
import { type RefusalReason, SocketRefusals } from './socket-refusals.js';

const STALL_CHECK_MS = 5_000;

/** A request after Engine.IO has read its query. */
type EngineRequest = IncomingMessage & { readonly _query: Readonly<Record<string, string | undefined>> };

/**
 * Bounds on all connections of the socket port together: how many wait without a namespace, how many one token has, and
 * how many bytes the clients have not taken. `GuardedTransport` has the bounds on one connection.
 */
@Injectable()
export class TransportLimits implements TransportOwner, OnApplicationBootstrap {
  readonly limits: SocketLimits;
  private io!: Server;
  private readonly transports = new Map<string, GuardedTransport>();
  /** Connections that have joined no namespace yet, the oldest first. */
  private readonly unjoined = new Set<GuardedTransport>();
  private readonly unjoinedByNetwork = new Map<string, number>();
  private readonly countByCaller = new Map<string, number>();
  private unsentBytes = 0;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    private readonly addresses: ClientAddresses,
    private readonly bytes: InFlightBytes,
    private readonly refusals: SocketRefusals,
    private readonly deviceRate: DeviceRate,
    private readonly jobs: BackgroundJobs,
    metrics: Metrics,
  ) {
    this.limits = settings.socket.limits;
    metrics.gauge({
      name: 'samserver_socket_unsent_bytes',
      help: 'Bytes sent to sockets that their clients have not taken yet.',
      collect: (gauge) => gauge.set(this.unsentBytes),
    });
    metrics.gauge({
      name: 'samserver_sockets_unjoined',
      help: 'Connections of the socket port that have joined no namespace yet.',
      collect: (gauge) => gauge.set(this.unjoined.size),
    });
  }

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'socket-stalls',
      intervalMs: STALL_CHECK_MS,
      run: async () => {
        const nowMs = performance.now();
        for (const transport of this.transports.values()) transport.closeIfStalled(nowMs);
      },
    });
  }

  attach(io: Server): void {
    this.io = io;
    io.engine.use((request: EngineRequest, response: ServerResponse, next: () => void) =>
      this.onRequest(request, response, next),
    );
    io.engine.on('connection', (connection: EngineConnection) => this.onConnection(connection));
    io.sockets.on('connection', (socket) => this.onJoined(socket));
    io.on('new_namespace', (namespace: Namespace) =>
      namespace.on('connection', (socket) => this.onJoined(socket)),
    );
  }

  /** Whether the address of a handshake has its share of connections without a namespace. */
  isShareUsed(request: IncomingMessage): boolean {
    const network = this.addresses.networkOf(request);
    if ((this.unjoinedByNetwork.get(network) ?? 0) < this.limits.unjoinedPerAddress) return false;
    this.refusals.record('unjoined', { network });
    return true;
  }

  hasNamespace(name: string): boolean {
    return this.io._nsps.has(name);
  }

  hold(network: string, cut: () => void): BytesHold {
    return this.bytes.open(network, cut);
  }

  countEvents(credentialId: string, count: number): number {
    return this.deviceRate.countEvents(credentialId, count);
  }

  countUnsent(bytes: number): void {
    this.unsentBytes += bytes;
    if (bytes > 0 && this.unsentBytes > this.limits.totalUnsentBytes) this.closeLargest();
  }

  refused({ network, principal }: GuardedTransport, reason: RefusalReason): void {
    this.refusals.record(reason, { network, principal });
  }

  closed(transport: GuardedTransport): void {
    this.transports.delete(transport.id);
    this.removeUnjoined(transport);
    if (transport.principal) decrement(this.countByCaller, callerOf(transport.principal));
  }

  /** Polling requests of a session; a WebSocket has none after its handshake. */
  private onRequest(request: EngineRequest, response: ServerResponse, next: () => void): void {
    const transport = this.transports.get(request._query['sid'] ?? '');
    if (!transport || request.headers.upgrade !== undefined) return next();
    if (request.method !== 'POST') {
      transport.onPoll(response);
      return next();
    }
    const read = (): void => {
      transport.onBody(request, response);
      next();
    };
    const { pauseMs } = transport;
    if (pauseMs === 0) read();
    // In a microtask, as without a pause: Engine.IO reaches its own listeners through promises, and the body would flow to
    // the listener of `onBody` alone before that. A request that was aborted meanwhile must not reach Engine.IO, which would
    // wait for its end.
    else void sleep(pauseMs, undefined, { ref: false }).then(() => request.destroyed || read());
  }

  private onConnection(connection: EngineConnection): void {
    const transport = new GuardedTransport(connection, this, this.addresses.networkOf(connection.request));
    this.transports.set(connection.id, transport);
    this.unjoined.add(transport);
    increment(this.unjoinedByNetwork, transport.network);
    const [oldest] = this.unjoined;
    if (this.unjoined.size > this.limits.unjoined) oldest?.close('unjoined');
  }

  private onJoined(socket: Socket): void {
    const transport = this.transports.get((socket.conn as unknown as EngineConnection).id);
    if (!transport) return;
    this.removeUnjoined(transport);
    transport.joinedCount += 1;
    socket.once('disconnect', () => {
      transport.joinedCount -= 1;
      // A connection without a namespace has no use, and nothing would end it.
      if (transport.joinedCount === 0) socket.conn.close();
    });
    const { principal } = socket.data as { principal?: Principal };
    if (!principal || transport.principal) return;
    transport.identify(principal);
    if (increment(this.countByCaller, callerOf(principal)) > this.limits.perCaller)
      transport.close('per_caller');
  }

  private removeUnjoined(transport: GuardedTransport): void {
    if (this.unjoined.delete(transport)) decrement(this.unjoinedByNetwork, transport.network);
  }

  private closeLargest(): void {
    let largest: GuardedTransport | null = null;
    for (const transport of this.transports.values())
      if (transport.unsentBytes > (largest?.unsentBytes ?? 0)) largest = transport;
    largest?.close('unsent');
  }
}

function increment(counts: Map<string, number>, key: string): number {
  const count = (counts.get(key) ?? 0) + 1;
  counts.set(key, count);
  return count;
}

function decrement(counts: Map<string, number>, key: string): void {
  const count = (counts.get(key) ?? 0) - 1;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
