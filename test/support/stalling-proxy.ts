import { connect, createServer, type Socket } from 'node:net';

export interface StallingProxy {
  readonly port: number;
  /** Forwards nothing in either direction from now on, like a database that has stopped answering. */
  stall(): void;
  resume(): void;
  close(): Promise<void>;
}

/** A proxy before a database, and the address of the database through it. */
export async function stallingDatabase(url: string): Promise<{ proxy: StallingProxy; url: string }> {
  const address = new URL(url);
  const proxy = await stallingProxy(Number(address.port === '' ? 27017 : address.port));
  address.host = `127.0.0.1:${proxy.port}`;
  // A client of a replica set connects to its members, past the proxy.
  address.searchParams.delete('replicaSet');
  address.searchParams.set('directConnection', 'true');
  return { proxy, url: address.href };
}

/** A TCP proxy before a port of 127.0.0.1 that can stop forwarding. */
export async function stallingProxy(targetPort: number): Promise<StallingProxy> {
  const sockets = new Set<Socket>();
  let isStalled = false;
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    if (isStalled) for (const socket of [client, target]) socket.unpipe().pause();
  });
  await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
  const stalled: Socket[] = [];
  return {
    port: (server.address() as { port: number }).port,
    stall: () => {
      isStalled = true;
      for (const socket of sockets) stalled.push(socket.pause());
    },
    resume: () => {
      isStalled = false;
      for (const socket of stalled.splice(0)) socket.resume();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((settle) => server.close(() => settle()));
    },
  };
}
