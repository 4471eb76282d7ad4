import { Injectable, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from 'socket.io';
import { type Drainable, DrainService } from '../../deployment/index.js';
import { PositionsService } from '../../tracking/index.js';
import { SocketPort } from './socket-port.js';

const RECONNECT_WITHIN_MS = 5_000;
const BATCH_COUNT = 10;
const BATCH_INTERVAL_MS = 100;
const HANDOVER_TICK_MS = 250;
/** How long what a socket has sent may take to be answered before it is let go all the same. */
const ANSWER_TIMEOUT_MS = 10_000;

interface OpenSocket {
  readonly id: string;
  readonly conn: {
    removeAllListeners(event: 'data'): unknown;
    close(): void;
  };
  readonly nsp: { readonly name: string };
  emit(event: 'drain', notice: { reconnectWithinMs: number }): unknown;
}

/**
 * Lets go of sockets: notified first, then closed through the transport, which clients answer by coming back by themselves
 * (`socket.disconnect()` would stop them for ever), and in batches, so that they do not come all at once.
 */
@Injectable()
export class SocketDrain implements Drainable, OnModuleInit {
  readonly name = 'sockets';
  /** Of the handover under way; a newer one, or its end, takes it away. */
  private handover: object | null = null;

  constructor(
    private readonly port: SocketPort,
    private readonly positions: PositionsService,
    private readonly drainService: DrainService,
  ) {}

  onModuleInit(): void {
    this.drainService.register(this);
  }

  get open(): number {
    return this.namespaces().reduce((sum, { sockets }) => sum + sockets.size, 0);
  }

  /** New ones are refused at the handshake from now on: see `SocketPort`. */
  async drain(): Promise<void> {
    const notified = this.sockets();
    sendDrainNotice(notified);
    // Those who were on their way in when it began come too, and are not notified: they are not in yet.
    for (let left = notified; left.length > 0; left = this.sockets()) {
      await Promise.all(
        batches(left).map(async (batch, n) => {
          await sleep(n * BATCH_INTERVAL_MS);
          await this.close(batch);
        }),
      );
    }
  }

  /** Each of those who are here now at a moment of its own within the time, so that no two instances' clients beat time. */
  async beginHandover(withinMs: number): Promise<void> {
    const current = {};
    this.handover = current;
    const beganMs = performance.now();
    let left = this.sockets().map((socket) => ({ socket, dueMs: Math.random() * withinMs }));
    while (left.length > 0) {
      const elapsedMs = performance.now() - beganMs;
      const due = left.filter(({ dueMs }) => dueMs <= elapsedMs).map(({ socket }) => socket);
      left = left.filter(({ dueMs }) => dueMs > elapsedMs);
      sendDrainNotice(due);
      await sleep(HANDOVER_TICK_MS, undefined, { ref: false });
      // Undone meanwhile: these were notified and not closed, and go on as if nothing had been.
      if (this.handover !== current) return;
      await this.close(due);
    }
    this.handover = null;
  }

  endHandover(): void {
    this.handover = null;
  }

  /**
   * What a socket sends from here on is not heard, so that nothing is taken in without being answered; it is sent again
   * where the client comes back. What was heard is durable and answered before the transport closes.
   */
  private async close(sockets: readonly OpenSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    for (const { conn } of sockets) conn.removeAllListeners('data');
    await Promise.race([
      this.positions.waitForPendingWrites(),
      sleep(ANSWER_TIMEOUT_MS, undefined, { ref: false }),
    ]);
    // A turn, for the acknowledgements to reach the transports, which send what they hold before they close.
    await sleep(0);
    for (const { conn } of sockets) conn.close();
  }

  private sockets(): OpenSocket[] {
    return this.namespaces().flatMap(({ sockets }) => [...sockets.values()] as OpenSocket[]);
  }

  private namespaces(): Namespace[] {
    // Not `io.of`, which would make one that is not there yet, before its authentication stands in its door.
    return ['/', '/devices', '/live'].flatMap((name) => this.port.io._nsps.get(name) ?? []);
  }
}

/** The old server never said so, and its clients would not know the word. */
function sendDrainNotice(sockets: readonly OpenSocket[]): void {
  for (const socket of sockets)
    if (socket.nsp.name !== '/') socket.emit('drain', { reconnectWithinMs: RECONNECT_WITHIN_MS });
}

function batches(sockets: readonly OpenSocket[]): OpenSocket[][] {
  const size = Math.max(1, Math.ceil(sockets.length / BATCH_COUNT));
  return Array.from({ length: Math.ceil(sockets.length / size) }, (_, n) =>
    sockets.slice(n * size, (n + 1) * size),
  );
}
