import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { PositionsService } from '../tracking/index.js';
import { SocketPort } from './socket-port.js';

const RECONNECT_WITHIN_MS = 5_000;
const BATCHES = 10;
const BETWEEN_BATCHES_MS = 100;

/**
 * Lets go of every socket: told first, then closed through the transport, which clients answer by coming back by
 * themselves (`socket.disconnect()` would stop them for ever), and in batches, so that they do not come all at once.
 */
@Injectable()
export class SocketDrain {
  constructor(
    private readonly port: SocketPort,
    private readonly positions: PositionsService,
  ) {}

  /** Resolves when no socket is left and everything taken in is durable and acknowledged. */
  async run(): Promise<void> {
    const namespaces = ['/devices', '/live'].map((name) => this.port.io.of(name));
    for (const namespace of namespaces) namespace.emit('drain', { reconnectWithinMs: RECONNECT_WITHIN_MS });
    await this.positions.whenIdle();
    const sockets = namespaces.flatMap((namespace) => [...namespace.sockets.values()]);
    const batch = Math.max(1, Math.ceil(sockets.length / BATCHES));
    for (let start = 0; start < sockets.length; start += batch) {
      for (const socket of sockets.slice(start, start + batch)) socket.conn.close();
      await sleep(BETWEEN_BATCHES_MS);
    }
    await this.positions.whenIdle();
  }
}
