import type { Settings } from '../../config/index.js';
import type { SubscriberSocket } from '../sockets.js';
import type { LiveMessage } from './live-event.js';
import type { Subscriber } from './live-stream.js';

/** The part of an Engine.IO connection that holds what the client has not taken. */
interface Connection {
  /** Packets that wait until the transport has sent the ones before. */
  readonly writeBuffer: readonly { readonly data?: string }[];
  readonly transport: { readonly socket?: { readonly bufferedAmount?: number } };
}

const subscribers = new WeakMap<SubscriberSocket, SocketSubscriber>();

/** A socket as a subscriber. */
export class SocketSubscriber implements Subscriber {
  /** Engine.IO emits `flush` when the transport has sent all that it had and takes what waits. */
  private lastFlushMs = performance.now();

  private constructor(
    private readonly socket: SubscriberSocket,
    private readonly limits: Settings['live'],
  ) {
    socket.conn.on('flush', () => (this.lastFlushMs = performance.now()));
  }

  static of(socket: SubscriberSocket, limits: Settings['live']): SocketSubscriber {
    const subscriber = subscribers.get(socket) ?? new SocketSubscriber(socket, limits);
    subscribers.set(socket, subscriber);
    return subscriber;
  }

  /** Sends one message to subscribers of the same namespace. It is encoded once for all of them. */
  static sendToAll(receivers: readonly SocketSubscriber[], message: LiveMessage): void {
    const ids = receivers.map(({ id }) => id);
    receivers[0]?.socket.nsp.local.to(ids).emit(...(message as EmitArguments));
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

  send(message: LiveMessage): void {
    this.socket.emit(...(message as EmitArguments));
  }

  /** Counts a character as a byte: nearly all text is ASCII. */
  private unsentBytes(): number {
    const { writeBuffer, transport } = this.socket.conn as unknown as Connection;
    let bytes = transport.socket?.bufferedAmount ?? 0;
    for (const { data } of writeBuffer) bytes += data?.length ?? 0;
    return bytes;
  }
}

/** TypeScript cannot relate the events of a union to their notices. `LiveMessage` has related them already. */
type EmitArguments = Extract<LiveMessage, readonly ['left', unknown]>;
