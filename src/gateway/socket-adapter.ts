import type { INestApplicationContext } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { Server } from 'socket.io';
import { SocketPort } from './socket-port.js';

/** Gives Nest's gateways the socket port's one server, on a port of its own in the same DI container. */
export class SocketAdapter extends IoAdapter {
  private readonly io: Server;

  constructor(app: INestApplicationContext) {
    super(app);
    this.io = app.get(SocketPort).io;
  }

  override createIOServer(): Server {
    return this.io;
  }
}
