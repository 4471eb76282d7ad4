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
/** A socket is closed after this time even if its requests are not answered. */
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
 * Drains sockets: sends the notice, then closes the transport, after which clients reconnect (`socket.disconnect()` would
 * stop that for ever). Sockets close in batches, so that clients do not reconnect all at once.
 */
@Injectable()
export class SocketDrain implements Drainable, OnModuleInit {
  readonly name = 'sockets';
  /** Identifies the handover under way; replaced by a newer one, cleared at its end. */
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

  /** Closes all sockets. `SocketPort` refuses new ones from now on. */
  async drain(): Promise<void> {
    const notified = this.sockets();
    sendDrainNotice(notified);
    // Sockets that were connecting when the drain began follow in later rounds, without a notice.
    for (let left = notified; left.length > 0; left = this.sockets()) {
      await Promise.all(
        batches(left).map(async (batch, n) => {
          await sleep(n * BATCH_INTERVAL_MS);
          await this.close(batch);
        }),
      );
    }
  }

  /** Closes each present socket at its own random moment within the time, so that clients do not reconnect in step. */
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
      // The handover was undone meanwhile: these sockets got a notice and stay open.
      if (this.handover !== current) return;
      await this.close(due);
    }
    this.handover = null;
  }

  endHandover(): void {
    this.handover = null;
  }

  /**
   * Stops reading from the sockets first, so that no request is accepted without an answer; clients send it again after
   * the reconnect. Requests read before are durable and answered before the transport closes.
   */
  private async close(sockets: readonly OpenSocket[]): Promise<void> {
    if (sockets.length === 0) return;
    for (const { conn } of sockets) conn.removeAllListeners('data');
    await Promise.race([
      this.positions.waitForPendingWrites(),
      sleep(ANSWER_TIMEOUT_MS, undefined, { ref: false }),
    ]);
    // After one turn of the event loop the acknowledgements are in the transports, which send their buffers before they
    // close.
    await sleep(0);
    for (const { conn } of sockets) conn.close();
  }

  private sockets(): OpenSocket[] {
    return this.namespaces().flatMap(({ sockets }) => [...sockets.values()] as OpenSocket[]);
  }

  private namespaces(): Namespace[] {
    // Not `io.of`, which would create a missing namespace without its authentication.
    return ['/', '/devices', '/live'].flatMap((name) => this.port.io._nsps.get(name) ?? []);
  }
}

/** Skips namespace `/`: the old server's clients do not handle this event. */
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
