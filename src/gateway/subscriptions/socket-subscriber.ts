import type { Settings } from '../../config/index.js';
import type { SubscriberSocket } from '../sockets.js';
import type { LiveMessage } from './live-event.js';
import type { Subscriber } from './live-stream.js';
import { type SocketMessage, socketMessageOf } from './socket-message.js';

/** The parts of an Engine.IO connection that send, and that hold what the client has not taken. */
interface Connection {
  send(text: string, options: SocketMessage['options']): unknown;
  /** Packets that wait until the transport has sent the ones before. */
  readonly writeBuffer: readonly { readonly data?: string }[];
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } };
}

const subscribers = new WeakMap<SubscriberSocket, SocketSubscriber>();

/** A socket as a subscriber. */
export class SocketSubscriber implements Subscriber {
  /** When it got positions last, `performance.now()`. */
  lastFrameMs = -Infinity;
  private readonly connection: Connection;
  /** Engine.IO emits `flush` when the transport has sent all that it had and takes what waits. */
  private lastFlushMs = performance.now();

  private constructor(
    private readonly socket: SubscriberSocket,
    private readonly limits: Settings['live'],
  ) {
    this.connection = socket.conn as unknown as Connection;
    socket.conn.on('flush', () => (this.lastFlushMs = performance.now()));
  }

  static of(socket: SubscriberSocket, limits: Settings['live']): SocketSubscriber {
    const subscriber = subscribers.get(socket) ?? new SocketSubscriber(socket, limits);
    subscribers.set(socket, subscriber);
    return subscriber;
  }

  get id(): string {
    return this.socket.id;
  }

  get isSlow(): boolean {
    const unsentBytes = this.unsentBytes();
    if (unsentBytes === 0) return false;
    const unsentForMs = performance.now() - this.lastFlushMs;
    return unsentBytes > this.limits.maxUnsentBytes || unsentForMs > this.limits.maxUnsentMs;
  }

  /** The message is encoded once for all its receivers. */
  send(message: LiveMessage): void {
    if (message[0] === 'positions') this.lastFrameMs = performance.now();
    const { text, options } = socketMessageOf(message);
    this.connection.send(text, options);
  }

  /** Counts a character as a byte: nearly all text is ASCII. */
  private unsentBytes(): number {
    const { writeBuffer, transport } = this.connection;
    let bytes = transport.socket?.bufferedAmount ?? 0;
    for (const { data } of writeBuffer) bytes += data?.length ?? 0;
    return bytes;
  }
}
