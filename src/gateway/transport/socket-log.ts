import { Logger } from '@nestjs/common';
import type { Namespace, Server, Socket } from 'socket.io';
import type { Principal } from '../../auth/index.js';

const logger = new Logger('Sockets');

/** Logs connects and disconnects at `debug`, never with the token. */
export function logSockets(io: Server): void {
  // The default namespace exists already.
  logNamespace(io.sockets);
  io.on('new_namespace', logNamespace);
}

function logNamespace(namespace: Namespace): void {
  namespace.on('connection', (socket) => {
    const startMs = performance.now();
    const fields = { namespace: namespace.name, socket: socket.id, ...principalFields(socket) };
    logger.debug({ ...fields, address: socket.conn.remoteAddress }, 'socket connected');
    socket.once('disconnect', (reason) => {
      logger.debug({ ...fields, reason, ms: Math.round(performance.now() - startMs) }, 'socket disconnected');
    });
  });
}

function principalFields(socket: Socket): Readonly<Record<string, string>> {
  const { principal } = socket.data as { principal?: Principal };
  if (!principal) return {};
  return principal.kind === 'device' ? { vehicleId: principal.vehicleId } : { userId: principal.userId };
}
