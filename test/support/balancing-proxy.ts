import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy before several ports of 127.0.0.1, as nginx with `least_conn`: a connection goes to the target with the fewest
 * connections. A target that refuses it is passed over. When no target accepts it, it is closed.
 */
export class BalancingProxy {
  private readonly server: Server;
  private readonly open = new Map<Socket, number>();

  private constructor(private readonly targets: readonly number[]) {
    this.server = createServer((client) => {
      client.on('error', () => client.destroy());
      this.tryNext(client, this.byConnections());
    });
  }

  static async before(...targets: readonly number[]): Promise<BalancingProxy> {
    const proxy = new BalancingProxy(targets);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Number of open connections to a target. */
  connectionsTo(target: number): number {
    return [...this.open.values()].filter((port) => port === target).length;
  }

  async close(): Promise<void> {
    for (const client of this.open.keys()) client.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private byConnections(): number[] {
    return [...this.targets].sort((one, other) => this.connectionsTo(one) - this.connectionsTo(other));
  }

  private tryNext(client: Socket, [target, ...others]: readonly number[]): void {
    if (target === undefined) return void client.destroy();
    const service = connect(target, '127.0.0.1');
    // Counted before it is open: connections that arrive together are spread too.
    this.open.set(client, target);
    let isConnected = false;
    service.once('connect', () => {
      isConnected = true;
      client.pipe(service).pipe(client);
    });
    service.on('error', () => service.destroy());
    service.once('close', () => {
      this.open.delete(client);
      if (isConnected || client.destroyed) client.destroy();
      else this.tryNext(client, others);
    });
    client.once('close', () => service.destroy());
  }
}
