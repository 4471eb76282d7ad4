import { connect, createServer, type Socket } from 'node:net';

export interface SwitchProxy {
  readonly port: number;
  /** Sets the target of new connections. Open connections keep theirs, as behind a real load balancer. */
  to(port: number): void;
  close(): Promise<void>;
}

/** A TCP proxy before two instances, in the place of nginx. */
export async function switchProxy(firstPort: number): Promise<SwitchProxy> {
  const sockets = new Set<Socket>();
  let target = firstPort;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  return {
    port: (server.address() as { port: number }).port,
    to: (port) => (target = port),
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((settle) => server.close(() => settle()));
    },
  };
}
