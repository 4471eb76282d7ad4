import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/index.js';
import { Presence } from '../../cluster/index.js';
import { SocketPort } from './socket-port.js';

interface PresentSocket {
  readonly id: string;
  readonly connected: boolean;
  readonly data: { readonly principal: Principal };
  on(event: 'disconnect', listener: () => void): unknown;
}

interface PresentNamespace {
  on(event: 'connection', listener: (socket: PresentSocket) => void): unknown;
}

/** Keeps the list of this instance's sockets in `Presence`. */
@Injectable()
export class SocketPresence {
  constructor(
    private readonly presence: Presence,
    { io }: SocketPort,
  ) {
    const count = (namespace: string): number => io._nsps.get(namespace)?.sockets.size ?? 0;
    presence.setCountSource(() => ({
      devices: count('/devices'),
      users: count('/live'),
      panels: count('/'),
    }));
  }

  track(namespace: PresentNamespace): void {
    namespace.on('connection', (socket) => {
      this.update(socket);
      socket.on('disconnect', () => this.presence.remove(socket.id, ownerOf(socket)));
    });
  }

  /** The socket has a new token of the same owner. */
  update(socket: PresentSocket): void {
    if (socket.connected) this.presence.add(socket.id, ownerOf(socket));
  }
}

function ownerOf({ data: { principal } }: PresentSocket) {
  return principal.kind === 'device'
    ? ({ kind: 'device', id: principal.vehicleId, accessId: principal.credentialId } as const)
    : ({ kind: 'user', id: principal.userId, accessId: principal.sessionId } as const);
}
