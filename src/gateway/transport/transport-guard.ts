import type { Server } from 'socket.io';
import type { SocketErrorAnswer } from '../socket-events.js';

/** Limit of CONNECTs of one transport, refused ones included. A client that sends more is closed. */
const MAX_CONNECTS = 8;

interface Transport {
  prependListener(event: 'data', listener: (data: unknown) => void): unknown;
  close(): void;
}

/**
 * Closes transports that send what no valid client sends, before Socket.IO buffers any of it: binary messages (Socket.IO
 * would wait for their attachments, megabytes each, from any caller) and CONNECTs to unknown namespaces (it would send
 * the name back). A closed client reconnects; a refused namespace would stop its reconnecting for ever.
 */
export function guardTransports(io: Server): void {
  io.engine.on('connection', (transport: Transport) => {
    let connects = 0;
    transport.prependListener('data', (data) => {
      const isConnect = typeof data === 'string' && data.startsWith('0');
      if (isConnect) connects += 1;
      const isValid = typeof data === 'string' && /^[0-4]/.test(data);
      if (!isValid || (isConnect && (connects > MAX_CONNECTS || !io._nsps.has(namespaceOf(data)))))
        transport.close();
    });
  });
}

/** Acknowledges unknown events with an error; otherwise the sender would wait for ever. */
export function answerUnknownEvents(io: Server): void {
  io.on('new_namespace', (namespace) => {
    namespace.on('connection', (socket) => {
      socket.onAny((event: string, ...args: unknown[]) => {
        const acknowledge = args.at(-1);
        // Socket.IO itself handles `error`.
        const isUnknown = event === 'error' || socket.listenerCount(event) === 0;
        if (isUnknown && typeof acknowledge === 'function') {
          (acknowledge as (answer: SocketErrorAnswer) => void)(UNKNOWN_EVENT);
        }
      });
    });
  });
}

const UNKNOWN_EVENT: SocketErrorAnswer = {
  error: { code: 'input/unknown-event', message: 'There is no such event here.' },
};

/** The namespace of a CONNECT packet `0/devices,{…}`; the default namespace has no name in it. */
function namespaceOf(packet: string): string {
  if (packet[1] !== '/') return '/';
  const end = packet.indexOf(',');
  return packet.slice(1, end < 0 ? undefined : end);
}
