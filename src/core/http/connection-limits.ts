import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { SETTINGS, type Settings } from '../../config/index.js';
import { BackgroundJobs } from '../jobs/background-jobs.js';
import { InFlightBytes } from '../limits/in-flight-bytes.js';
import { Metrics } from '../metrics/metrics.js';
import { ClientAddresses, ipNetwork } from './client-addresses.js';
import { serveOneAtATime } from './pipelined-requests.js';

const CHECK_INTERVAL_MS = 1_000;
const LOG_INTERVAL_MS = 60_000;

type Reason = 'address' | 'stalled' | 'unsent';

/** What stands behind a stalled answer besides its unsent bytes: one read chunk of a file, objects, buffers of the kernel. */
const STALLED_ANSWER_BYTES = 65_536;

/** Progress of the answers of one connection at the last check. */
interface Progress {
  /** The client has taken no byte since then; null when nothing waits to be sent. */
  stalledSinceMs: number | null;
  bytesWritten: number;
  queuedBytes: number;
}

/** Bytes of the current write that the kernel has not taken. Node's own time-outs of sockets read the same field. */
type SocketHandle = { readonly _handle?: { readonly writeQueueSize?: number } | null };

/**
 * Bounds on the connections of both ports: connections of one address, pipelined requests, and clients that do not read
 * their answers. A websocket leaves these bounds at its upgrade.
 */
@Injectable()
export class ConnectionLimits {
  private readonly logger = new Logger(ConnectionLimits.name);
  private readonly connections = new Map<Socket, Progress>();
  private readonly closedSinceLog = new Map<Reason, number>();
  private loggedMs = -Infinity;
  private readonly closed;

  constructor(
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'limits'>,
    private readonly addresses: ClientAddresses,
    private readonly bytes: InFlightBytes,
    jobs: BackgroundJobs,
    metrics: Metrics,
  ) {
    this.closed = metrics.counter({
      name: 'samserver_connections_closed_total',
      help: 'HTTP connections closed: over the connections of an address, a client that takes no byte of its answer for too long, or the longest of them above the limit of unsent bytes.',
      labelNames: ['reason'],
    });
    jobs.start({
      name: 'stalled-connections',
      intervalMs: CHECK_INTERVAL_MS,
      run: () => {
        this.closeStalled(performance.now());
        this.logClosed(performance.now());
        return Promise.resolve();
      },
    });
  }

  /** Call it when all handlers of the server are attached. */
  apply(server: Server): void {
    const countByNetwork = new Map<string, number>();
    server.on('connection', (socket: Socket) => {
      if (this.admit(socket, countByNetwork)) this.watch(socket);
    });
    // With a listener, Node gives upgrades to it and not to the handlers of requests.
    if (server.listenerCount('upgrade') > 0)
      server.on('upgrade', (_request, socket: Socket) => this.connections.delete(socket));
    serveOneAtATime(server, (request, cut) => this.bytes.open(this.addresses.networkOf(request), cut));
  }

  /** @returns false when the address has too many connections; the connection is closed */
  private admit(socket: Socket, countByNetwork: Map<string, number>): boolean {
    const address = socket.remoteAddress ?? '';
    if (this.addresses.isTrustedProxy(address)) return true;
    const network = ipNetwork(address);
    const count = (countByNetwork.get(network) ?? 0) + 1;
    if (count > this.settings.limits.connectionsPerAddress) {
      this.close(socket, 'address');
      return false;
    }
    countByNetwork.set(network, count);
    socket.once('close', () => {
      const left = (countByNetwork.get(network) ?? 1) - 1;
      if (left > 0) countByNetwork.set(network, left);
      else countByNetwork.delete(network);
    });
    return true;
  }

  private watch(socket: Socket): void {
    this.connections.set(socket, { stalledSinceMs: null, bytesWritten: 0, queuedBytes: 0 });
    socket.once('close', () => this.connections.delete(socket));
  }

  /** Closes clients that have taken nothing for too long, and above the limit of unsent bytes the longest of them. */
  private closeStalled(nowMs: number): void {
    const { writeStallS, unsentBytes: maxUnsentBytes } = this.settings.limits;
    const stalled: { readonly socket: Socket; readonly sinceMs: number }[] = [];
    let unsentBytes = 0;
    for (const [socket, progress] of this.connections) {
      const sinceMs = stalledSince(socket, progress, nowMs);
      if (sinceMs === null || sinceMs === nowMs) continue;
      if (nowMs - sinceMs >= writeStallS * 1_000) this.close(socket, 'stalled');
      else {
        stalled.push({ socket, sinceMs });
        unsentBytes += socket.writableLength + STALLED_ANSWER_BYTES;
      }
    }
    if (unsentBytes <= maxUnsentBytes) return;
    for (const { socket } of stalled.sort((a, b) => a.sinceMs - b.sinceMs)) {
      if (unsentBytes <= maxUnsentBytes) return;
      unsentBytes -= socket.writableLength + STALLED_ANSWER_BYTES;
      this.close(socket, 'unsent');
    }
  }

  /** A reset, because after a normal end the kernel would keep the unsent bytes for minutes. */
  private close(socket: Socket, reason: Reason): void {
    socket.resetAndDestroy();
    this.closed.inc({ reason });
    this.closedSinceLog.set(reason, (this.closedSinceLog.get(reason) ?? 0) + 1);
  }

  private logClosed(nowMs: number): void {
    if (this.closedSinceLog.size === 0 || nowMs - this.loggedMs < LOG_INTERVAL_MS) return;
    this.logger.warn(Object.fromEntries(this.closedSinceLog), 'connections closed over their limits');
    this.closedSinceLog.clear();
    this.loggedMs = nowMs;
  }
}

/** Since when the client takes nothing, updated; null when nothing waits to be sent. */
function stalledSince(socket: Socket, progress: Progress, nowMs: number): number | null {
  const { bytesWritten } = socket;
  const queuedBytes = (socket as SocketHandle)._handle?.writeQueueSize ?? socket.writableLength;
  const hasMoved = bytesWritten !== progress.bytesWritten || queuedBytes !== progress.queuedBytes;
  Object.assign(progress, { bytesWritten, queuedBytes });
  if (socket.writableLength === 0) progress.stalledSinceMs = null;
  else if (hasMoved || progress.stalledSinceMs === null) progress.stalledSinceMs = nowMs;
  return progress.stalledSinceMs;
}
