import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP proxy before a port of 127.0.0.1 that forwards every byte after a delay, in order. */
export class DelayingProxy {
  /** In each direction, milliseconds. */
  delayMs = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();

  private constructor(target: number) {
    this.server = createServer((client) => {
      const service = connect(target, '127.0.0.1');
      this.forward(client, service);
      this.forward(service, client);
    });
  }

  static async before(target: number): Promise<DelayingProxy> {
    const proxy = new DelayingProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private forward(from: Socket, to: Socket): void {
    this.sockets.add(from);
    from.setNoDelay(true);
    let dueMs = 0;
    from.on('data', (chunk: Buffer) => {
      const nowMs = performance.now();
      // A chunk never overtakes an earlier one that was delayed for longer.
      dueMs = Math.max(dueMs, nowMs + this.delayMs);
      if (dueMs <= nowMs) to.write(chunk);
      else setTimeout(() => to.writable && to.write(chunk), dueMs - nowMs);
    });
    from.on('error', () => from.destroy());
    from.on('close', () => {
      this.sockets.delete(from);
      to.destroy();
    });
  }
}
