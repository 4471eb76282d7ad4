import type { Server } from 'socket.io';
import type { SocketErrorAnswer } from '../socket-events.js';

/** Of one transport, refused ones included: a client with a new token comes again, one that asks without end goes. */
const MAX_CONNECTS = 8;

interface Transport {
  prependListener(event: 'data', listener: (data: unknown) => void): unknown;
  close(): void;
}

/**
 * Lets go of transports that send what no client of ours does, before Socket.IO keeps anything of it: binary messages
 * (whose attachments it would wait for, megabytes each, for as long as the connection lasts, from anybody) and CONNECTs
 * to namespaces there are not (whose names it would send back). Closed, a client comes back by itself; a refused
 * namespace would stop it for ever.
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

/** An event that nobody listens to would leave its sender waiting for the acknowledgement for ever. */
export function answerUnknownEvents(io: Server): void {
  io.on('new_namespace', (namespace) => {
    namespace.on('connection', (socket) => {
      socket.onAny((event: string, ...args: unknown[]) => {
        const acknowledge = args.at(-1);
        // Socket.IO itself listens to `error`, so that one from outside does no harm.
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

/** Of a Socket.IO packet: `0/devices,{…}`; the default one is not named. */
function namespaceOf(packet: string): string {
  if (packet[1] !== '/') return '/';
  const end = packet.indexOf(',');
  return packet.slice(1, end < 0 ? undefined : end);
}
