import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy before several ports of 127.0.0.1, as `docker/nginx` for sockets: a connection goes to the target with the fewest
 * connections. A target that refuses it, or answers its first request with 503 because it starts or drains, is passed over.
 * When no target accepts it, it gets the last answer or is closed.
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

  private tryNext(
    client: Socket,
    [target, ...others]: readonly number[],
    sent: readonly Buffer[] = [],
    lastAnswer: Buffer = Buffer.alloc(0),
  ): void {
    if (target === undefined) return void client.end(lastAnswer, () => client.destroy());
    const service = connect(target, '127.0.0.1');
    // Counted before it is open: connections that arrive together are spread too.
    this.open.set(client, target);
    const request = [...sent];
    for (const chunk of sent) service.write(chunk);
    const forward = (chunk: Buffer): void => void (request.push(chunk) && service.write(chunk));
    client.on('data', forward);
    let refusal = lastAnswer;
    let isAccepted = false;
    service.once('data', (answer: Buffer) => {
      client.off('data', forward);
      if (answer.toString('latin1', 0, 13) === 'HTTP/1.1 503 ') {
        client.pause();
        refusal = answer;
        service.destroy();
        return;
      }
      isAccepted = true;
      client.write(answer);
      client.pipe(service).pipe(client);
    });
    service.on('error', () => service.destroy());
    service.once('close', () => {
      this.open.delete(client);
      client.off('data', forward);
      if (isAccepted || client.destroyed) client.destroy();
      else this.tryNext(client, others, request, refusal);
    });
    client.once('close', () => service.destroy());
  }
}
