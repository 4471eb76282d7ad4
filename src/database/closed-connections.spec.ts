import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { patchClosedConnections } from './closed-connections.js';

interface DriverConnection {
  command(namespace: unknown, command: object, options: object): Promise<unknown>;
}
const require = createRequire(import.meta.url);
const { Connection } = require('mongodb/lib/cmap/connection.js') as {
  Connection: new (socket: Socket, options: object) => DriverConnection;
};
const { ns, HostAddress } = require('mongodb/lib/utils.js') as {
  ns: (name: string) => unknown;
  HostAddress: { fromString: (text: string) => unknown };
};

let server: Server;
let socket: Socket;
let connection: DriverConnection;
beforeEach(async () => {
  patchClosedConnections();
  server = createServer((peer) => peer.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const hostAddress = HostAddress.fromString(`127.0.0.1:${port}`);
  connection = new Connection(socket, { id: 1, generation: 0, hostAddress, monitorCommands: false });
});
afterEach(() => {
  socket.destroy();
  server.close();
});

const hello = (): Promise<unknown> => connection.command(ns('admin.$cmd'), { hello: 1 }, {});

describe('a command on a connection', () => {
  it('that is closing ends with the error of the connection', async () => {
    socket.destroy();
    await expect(hello()).rejects.toThrow(/closed/);
  });

  it('that closes while the command waits ends with the error of the connection', async () => {
    const answer = hello();
    answer.catch(() => undefined);
    socket.destroy();
    await expect(answer).rejects.toThrow(/closed/);
  });

  it('whose socket fails ends with that error', async () => {
    const answer = hello();
    answer.catch(() => undefined);
    socket.destroy(new Error('reset by the peer'));
    await expect(answer).rejects.toThrow('reset by the peer');
  });
});
