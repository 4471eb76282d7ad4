import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../../auth/index.js';
import { type BytesHold, MAX_OWED_BURSTS, TokenBucket } from '../../core/index.js';
import type { SocketLimits } from '../../config/index.js';
import {
  type EngineConnection,
  type EnginePacket,
  type EngineTransport,
  limitMessages,
  terminate,
  unfinishedBytes,
  type WebSocket,
} from './engine-connection.js';
import { eventCost, hasMorePackets, isExpensiveJson } from './message-cost.js';
import type { RefusalReason } from './socket-refusals.js';

/** Fits a batch of 500 positions with full attributes. */
export const MAX_MESSAGE_BYTES = 2_000_000;
/** CONNECTs of one connection, refused ones included. */
const MAX_CONNECTS = 8;
/** Probes of one upgrade to a WebSocket. A client sends one. */
const MAX_PROBES = 8;
/** A `watch` answers with the positions of all vehicles. */
const LIVE_EVENT_COST = 40;
const MAX_PAUSE_MS = 10_000;
/** Memory of a packet beside its text. */
const PACKET_OVERHEAD_BYTES = 256;

/** What a connection needs of all connections. */
export interface TransportOwner {
  readonly limits: SocketLimits;
  hasNamespace(name: string): boolean;
  hold(network: string, cut: () => void): BytesHold;
  /** Counts events of a device. @returns events that it may still send, on all instances; negative: over the limit */
  countEvents(credentialId: string, count: number): number;
  /** Counts bytes that are not taken, of all clients. */
  countUnsent(bytes: number): void;
  refused(transport: GuardedTransport, reason: RefusalReason): void;
  closed(transport: GuardedTransport): void;
}

/**
 * Bounds what one Engine.IO connection makes the service parse, hold and send, on both transports. It acts on packets
 * before Socket.IO parses or buffers them. A client over a bound is closed, because a closed client reconnects; a refused
 * namespace would stop its reconnecting for ever. A client that sends fast is read more slowly first: a device may flush a
 * backlog.
 */
export class GuardedTransport {
  principal: Principal | null = null;
  /** Namespaces. */
  joinedCount = 0;
  /** Bytes that the client has not taken: not even its connection has accepted them. */
  unsentBytes = 0;
  private unsentAcks = 0;
  /** When the client took something last, or when there was nothing to take; `performance.now()`. */
  private lastTakenMs = 0;
  private readonly events: TokenBucket;
  private readonly hold: BytesHold;
  private heldBytes = 0;
  private connects = 0;
  private probes = 0;
  private pausedUntilMs = 0;
  private pollAnswer: ServerResponse | null = null;
  /** The TCP connection can bring chunks, and end answers, after the close. */
  private isClosed = false;

  constructor(
    private readonly connection: EngineConnection,
    private readonly owner: TransportOwner,
    readonly network: string,
  ) {
    const { eventBurst, eventsPerS } = owner.limits;
    this.events = new TokenBucket(eventBurst, eventsPerS, performance.now());
    this.hold = owner.hold(network, () => this.close('in_flight'));
    connection.on('packet', (packet) => this.onPacket(packet));
    connection.on('packetCreate', (packet) => this.onSend(packet));
    connection.on('upgrading', (transport) => this.onProbe(transport));
    connection.on('upgrade', () => this.guardTransport());
    connection.on('close', () => this.onClose());
    this.guardTransport();
  }

  get id(): string {
    return this.connection.id;
  }

  /** Gives the connection the limits of an authenticated client. */
  identify(principal: Principal): void {
    this.principal = principal;
    this.hold.identify(callerOf(principal));
    limitMessages(this.connection.transport, MAX_MESSAGE_BYTES);
  }

  /** Ends the connection at once. */
  close(reason: RefusalReason): void {
    if (this.isClosed) return;
    this.owner.refused(this, reason);
    terminate(this.connection);
  }

  /** Closes a client that has taken nothing for the time limit, although something was sent to it. */
  closeIfStalled(nowMs: number): void {
    const { writeTimeoutMs } = this.owner.limits;
    if (this.unsentBytes > 0 && nowMs - this.lastTakenMs > writeTimeoutMs) this.close('stalled');
  }

  /** Time until the service reads the next polling body, milliseconds. */
  get pauseMs(): number {
    return Math.max(0, this.pausedUntilMs - performance.now());
  }

  /** A poll: the client takes what was sent to it. */
  onPoll(response: ServerResponse): void {
    const before = this.pollAnswer;
    // A client reads an answer before it polls again. One that does not would hold one answer on each TCP connection.
    if (before && before.writableEnded && !before.writableFinished && !before.destroyed)
      return this.close('unsent');
    this.pollAnswer = response;
    response.once('close', () => this.recountUnsent());
  }

  /** A polling body, before Engine.IO reads it. */
  onBody(request: IncomingMessage, response: ServerResponse): void {
    let bytes = 0;
    const count = (chunk: Buffer | string): void => this.holdBytes((bytes += chunk.length));
    request.on('data', count);
    // The rest of a body that is refused is not kept.
    response.once('close', () => {
      request.off('data', count);
      this.holdBytes(0);
    });
  }

  private guardTransport(): void {
    const { transport } = this.connection;
    limitMessages(transport, this.principal ? MAX_MESSAGE_BYTES : this.owner.limits.anonymousMessageBytes);
    if (transport.socket) this.guardWebSocket(transport, transport.socket);
    else this.guardPolling(transport);
  }

  private guardWebSocket(transport: EngineTransport, socket: WebSocket): void {
    // ws answers each ping itself.
    socket.on('ping', () => this.takeEvents(1));
    socket.on('pong', () => this.takeEvents(1));
    socket._socket.on('data', () => this.holdBytes(unfinishedBytes(socket)));
    transport.on('drain', () => this.recountUnsent());
  }

  private guardPolling(transport: EngineTransport): void {
    const decode = transport.onData.bind(transport);
    transport.onData = (payload) => {
      if (hasMorePackets(payload, this.owner.limits.packetsPerPayload)) this.close('packets');
      else decode(payload);
    };
  }

  private onPacket({ type, data }: EnginePacket): void {
    const message = typeof data === 'string' ? data : '';
    if (!this.takeEvents(this.costOf(message)) || type !== 'message') return;
    // Binary: Socket.IO would wait for attachments, megabytes each.
    if (!/^[0-4]/.test(message)) this.close('packet');
    else if (isExpensiveJson(message)) this.close('json');
    else if (message.startsWith('0')) this.onConnect(message);
  }

  private onConnect(message: string): void {
    this.connects += 1;
    if (this.connects > MAX_CONNECTS) this.close('joins');
    // Socket.IO would send the name back.
    else if (!this.owner.hasNamespace(namespaceOf(message))) this.close('namespace');
  }

  private costOf(message: string): number {
    // A single message never costs more than what is left when reading continues.
    const cost = Math.min(eventCost(message), this.owner.limits.eventBurst / 2);
    return this.principal?.kind === 'user' && message.startsWith('2') ? cost + LIVE_EVENT_COST : cost;
  }

  /** @returns false when the connection was closed */
  private takeEvents(count: number): boolean {
    const { eventBurst } = this.owner.limits;
    const nowMs = performance.now();
    const leftOfDevice = this.events.take(nowMs, count) ? this.countForDevice(count) : -Infinity;
    // A device that owes so much sends on many connections.
    if (leftOfDevice <= -MAX_OWED_BURSTS * eventBurst) {
      this.close('events');
      return false;
    }
    const left = Math.min(this.events.left, leftOfDevice);
    if (this.pausedUntilMs < nowMs && left < eventBurst / 2) this.pause(nowMs, left);
    return true;
  }

  private countForDevice(count: number): number {
    const { principal } = this;
    return principal?.kind === 'device' ? this.owner.countEvents(principal.credentialId, count) : Infinity;
  }

  /** Stops reading until the client may send a full burst again. */
  private pause(nowMs: number, left: number): void {
    const { eventBurst, eventsPerS } = this.owner.limits;
    const pauseMs = Math.min(MAX_PAUSE_MS, Math.ceil(((eventBurst - left) / eventsPerS) * 1_000));
    this.pausedUntilMs = nowMs + pauseMs;
    const { socket } = this.connection.transport;
    if (!socket) return;
    socket.pause();
    setTimeout(() => socket.resume(), pauseMs).unref();
  }

  /** @param bytes that the connection holds now in all */
  private holdBytes(bytes: number): void {
    if (bytes === this.heldBytes || this.isClosed) return;
    if (bytes < this.heldBytes) {
      this.hold.release();
      this.heldBytes = 0;
    }
    if (bytes > this.heldBytes && !this.hold.add(bytes - this.heldBytes)) this.close('in_flight');
    else this.heldBytes = bytes;
  }

  private onSend(packet: EnginePacket): void {
    if (this.unsentBytes === 0) this.lastTakenMs = performance.now();
    const { unsentAcks, unsentBytes, anonymousUnsentBytes } = this.owner.limits;
    const bytes = sizeOf(packet);
    this.unsentBytes += bytes;
    if (isAck(packet)) this.unsentAcks += 1;
    this.owner.countUnsent(bytes);
    if (
      this.unsentBytes > (this.principal ? unsentBytes : anonymousUnsentBytes) ||
      this.unsentAcks > unsentAcks
    )
      this.close('unsent');
  }

  /** The transport has handed all packets to the system, except those that still wait. */
  private recountUnsent(): void {
    if (this.isClosed) return;
    let bytes = 0;
    let acks = 0;
    for (const packet of this.connection.writeBuffer) {
      bytes += sizeOf(packet);
      if (isAck(packet)) acks += 1;
    }
    this.owner.countUnsent(bytes - this.unsentBytes);
    this.unsentBytes = bytes;
    this.unsentAcks = acks;
    this.lastTakenMs = performance.now();
  }

  private onProbe(transport: EngineTransport): void {
    this.probes += 1;
    if (this.probes <= MAX_PROBES) return;
    transport.socket?.terminate();
    // After this event Engine.IO starts an interval, which only a later close ends.
    setImmediate(() => this.close('packet'));
  }

  private onClose(): void {
    this.isClosed = true;
    this.hold.release();
    this.owner.countUnsent(-this.unsentBytes);
    this.unsentBytes = 0;
    this.owner.closed(this);
  }
}

/** The same for all connections of a user or of a device credential. */
export function callerOf(principal: Principal): string {
  return principal.kind === 'device' ? `device ${principal.credentialId}` : `user ${principal.userId}`;
}

function sizeOf({ data }: EnginePacket): number {
  return PACKET_OVERHEAD_BYTES + (typeof data === 'string' ? data.length : 0);
}

function isAck({ data }: EnginePacket): boolean {
  return typeof data === 'string' && data.startsWith('3');
}

/** The namespace of a CONNECT packet `0/devices,{…}`; the default namespace has no name in it. */
function namespaceOf(packet: string): string {
  if (packet[1] !== '/') return '/';
  const end = packet.indexOf(',');
  return packet.slice(1, end < 0 ? undefined : end);
}
