import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    OPS_TOKEN,
    CONNECTIONS_PER_ADDRESS: '40',
    WRITE_STALL_TIMEOUT_S: '2',
    UNSENT_MAX_BYTES: '4000000',
  });
});
afterAll(() => service.stop());

interface Client {
  readonly socket: Socket;
  received: number;
  isClosed: boolean;
}

/** @param isReading false: takes no byte of the answers */
function open(port: number, text: string, isReading: boolean): Client {
  const socket = connect(port, '127.0.0.1');
  const client: Client = { socket, received: 0, isClosed: false };
  socket.on('error', () => undefined).on('close', () => (client.isClosed = true));
  if (isReading) socket.on('data', (chunk) => (client.received += chunk.length));
  socket.write(text);
  return client;
}

const connections = (): Promise<number> =>
  new Promise((resolve) =>
    service.service.app.getHttpServer().getConnections((_error: unknown, count: number) => resolve(count)),
  );
/** Requests of the document so far, whether answered or cut. */
const builtDocuments = async (): Promise<number> => {
  const headers = { authorization: `Bearer ${OPS_TOKEN}` };
  const text = await (await fetch(`${service.url}/metrics`, { headers })).text();
  const counts = text.matchAll(/^samserver_http_requests_total\{[^}]*route="\/docs-json"[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
};
const GET_DOCUMENT = 'GET /docs-json HTTP/1.1\r\nHost: x\r\n\r\n';

describe.each(['HTTP', 'socket'] as const)('the %s port', (which) => {
  const port = (): number => (which === 'HTTP' ? service.service.httpPort : service.service.socketPort);

  it('closes connections above the limit of an address, and accepts new ones when others end', async () => {
    const clients = Array.from({ length: 60 }, () => open(port(), '', true));
    await until(
      () => clients.filter(({ isClosed }) => isClosed).length >= 20,
      'the connections above the limit to be closed',
    );
    expect(clients.filter(({ isClosed }) => !isClosed).length).toBeGreaterThan(0);
    for (const { socket } of clients) socket.destroy();
    await until(async () => {
      const again = open(port(), 'GET /error_codes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', true);
      await until(() => again.isClosed, 'an answer or a reset');
      return again.received > 0;
    }, 'a new connection to be accepted');
  });
});

it('builds one answer at a time for a client that pipelines and does not read, and closes it', async () => {
  const before = await builtDocuments();
  const clients = Array.from({ length: 8 }, () =>
    open(service.service.httpPort, GET_DOCUMENT.repeat(60), false),
  );
  await until(async () => (await connections()) >= 8, 'the clients to connect');
  await until(async () => (await connections()) < 5, 'the clients that do not read to be closed');
  for (const { socket } of clients) socket.destroy();
  // Some answers fit into the buffers of the kernel.
  expect((await builtDocuments()) - before).toBeLessThan((8 * 60) / 2);
});

it('serves all pipelined requests of a client that reads, in order', async () => {
  const client = open(service.service.httpPort, GET_DOCUMENT.repeat(20), true);
  const size = (await (await fetch(`${service.url}/docs-json`)).arrayBuffer()).byteLength;
  await until(() => client.received > 20 * size, 'all answers');
  expect(client.isClosed).toBe(false);
  client.socket.destroy();
});

it('closes a connection with more waiting requests than the share of its address', async () => {
  const client = open(service.service.httpPort, 'GET /health HTTP/1.1\r\nHost:\r\n\r\n'.repeat(2_000), false);
  client.socket.resume();
  await until(() => client.isClosed, 'the connection to be closed');
});
