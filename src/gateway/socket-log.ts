import { Logger } from '@nestjs/common';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Principal } from '../auth/index.js';

const logger = new Logger('Sockets');

/** A line at `debug` when a socket comes and when it goes: who, never with what token. */
export function logSockets(io: Server): void {
  // The default one was made with the server.
  follow(io.sockets);
  io.on('new_namespace', follow);
}

function follow(namespace: Namespace): void {
  namespace.on('connection', (socket) => {
    const startMs = performance.now();
    const who = { namespace: namespace.name, socket: socket.id, ...whoIs(socket) };
    logger.debug({ ...who, address: socket.conn.remoteAddress }, 'a socket came');
    socket.once('disconnect', (reason) => {
      logger.debug({ ...who, reason, ms: Math.round(performance.now() - startMs) }, 'a socket went');
    });
  });
}

function whoIs(socket: Socket): Readonly<Record<string, string>> {
  const { principal } = socket.data as { principal?: Principal };
  if (!principal) return {};
  return principal.kind === 'device' ? { vehicleId: principal.vehicleId } : { userId: principal.userId };
}
