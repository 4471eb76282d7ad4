import { type INestApplicationContext, Logger } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { MessageMappingProperties } from '@nestjs/websockets';
import { lastValueFrom, type Observable } from 'rxjs';
import type { Server, Socket } from 'socket.io';
import { acknowledgementOf, payloadOf } from './socket-event.js';
import { SocketPort } from './socket-port.js';

/** With the 12 s of the HTTP port less than the default of DRAIN_TIMEOUT_S. */
const CLOSE_TIMEOUT_MS = 8_000;

/** Connects Nest's gateways to the Socket.IO server of `SocketPort`, which has its own port. */
export class SocketAdapter extends IoAdapter {
  private readonly port: SocketPort;
  private readonly failures = new Logger(SocketAdapter.name);

  constructor(app: INestApplicationContext) {
    super(app);
    this.port = app.get(SocketPort);
  }

  override createIOServer(): Server {
    return this.port.io;
  }

  /**
   * Waits for the plain HTTP requests in progress, such as those of old boxes. Closes all connections after 8 s: otherwise
   * one body that never ends would hold the shutdown until DRAIN_TIMEOUT_S.
   */
  override async close(server: Server): Promise<void> {
    const forceCloseTimer = setTimeout(() => this.port.closeConnections(), CLOSE_TIMEOUT_MS);
    await super.close(server);
    clearTimeout(forceCloseTimer);
  }

  /**
   * Binds one listener per event; its result is the acknowledgement. Nest's own adapter keeps three rxjs subscriptions per
   * event and socket, about 12 KB for each device.
   */
  override bindMessageHandlers(
    socket: Socket,
    handlers: readonly Pick<MessageMappingProperties, 'message' | 'callback'>[],
    transform: (answer: unknown) => Observable<unknown>,
  ): void {
    for (const { message, callback } of handlers) {
      // A gateway has bound it itself.
      if (socket.listenerCount(message as string) > 0) continue;
      socket.on(message, (...sent: unknown[]) => {
        const acknowledge = acknowledgementOf(sent);
        const answered: Observable<unknown> = transform(callback(payloadOf(sent), acknowledge) as unknown);
        lastValueFrom(answered, { defaultValue: undefined })
          .then((answer) => acknowledge?.(answer))
          .catch((error: unknown) =>
            this.failures.error({ err: error, event: message as string }, 'unexpected error'),
          );
      });
    }
  }
}
