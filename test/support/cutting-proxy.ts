import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TCP proxy before a port of 127.0.0.1 that resets connections, like a dead spot of the mobile network. */
export class CuttingProxy {
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private readonly server: Server;
  cuts = 0;

  private constructor(target: number) {
    this.server = createServer((client) => {
      const service = connect(target, '127.0.0.1');
      const pair = [client, service] as const;
      this.pairs.add(pair);
      for (const [one, other] of [pair, [service, client] as const]) {
        one.setNoDelay(true);
        one.pipe(other);
        one.on('error', () => other.destroy());
        one.on('close', () => {
          other.destroy();
          this.pairs.delete(pair);
        });
      }
    });
  }

  static async before(target: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Cuts `count` connections, each at a random moment within `withinMs`. Resolves after the last one. */
  async cutAtRandom(count: number, withinMs: number): Promise<void> {
    const moments = Array.from({ length: count }, () => Math.random() * withinMs).sort((a, b) => a - b);
    let passedMs = 0;
    for (const momentMs of moments) {
      await sleep(momentMs - passedMs);
      passedMs = momentMs;
      const pairs = [...this.pairs];
      this.cut(pairs[Math.floor(Math.random() * pairs.length)]);
    }
  }

  async close(): Promise<void> {
    for (const pair of this.pairs) pair.forEach((socket) => socket.destroy());
    await new Promise((resolve) => this.server.close(resolve));
  }

  private cut(pair: readonly [Socket, Socket] | undefined): void {
    if (!pair) return;
    this.cuts += 1;
    for (const socket of pair) socket.resetAndDestroy();
  }
}
