import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connect, type Socket } from 'node:net';
import { HttpTraffic } from '../../src/core/index.js';
import { adminToken, newVehicle } from '../support/http.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    JSON_BYTES_PER_S: '1000000',
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
  const traffic = service.service.app.get(HttpTraffic);
  const clients = Array.from({ length: 8 }, () =>
    open(service.service.httpPort, GET_DOCUMENT.repeat(60), false),
  );
  let peak = 0;
  const measured = async (): Promise<number> => {
    peak = Math.max(peak, traffic.inFlight);
    return connections();
  };
  await until(async () => (await measured()) >= 8 && peak > 0, 'the clients to connect');
  await until(async () => (await measured()) < 5, 'the clients that do not read to be closed');
  for (const { socket } of clients) socket.destroy();
  expect(peak).toBeLessThanOrEqual(8);
  await until(() => traffic.inFlight === 0, 'no request to be left');
});

it('serves all pipelined requests of a client that reads, in order', async () => {
  const client = open(service.service.httpPort, GET_DOCUMENT.repeat(20), true);
  const size = (await (await fetch(`${service.url}/docs-json`)).arrayBuffer()).byteLength;
  await until(() => client.received > 20 * size, 'all answers');
  expect(client.isClosed).toBe(false);
  client.socket.destroy();
});

it('keeps a client that reads slowly: the time-out counts from the last byte that it took', async () => {
  const client = open(service.service.httpPort, GET_DOCUMENT.repeat(40), false);
  const size = (await (await fetch(`${service.url}/docs-json`)).arrayBuffer()).byteLength;
  client.socket.on('data', (chunk) => {
    client.received += chunk.length;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 40);
  });
  await until(() => client.received > 40 * size, 'all answers');
  expect(client.isClosed).toBe(false);
  client.socket.destroy();
});

it('closes a connection with more waiting requests than the share of its address', async () => {
  const client = open(service.service.httpPort, 'GET /health HTTP/1.1\r\nHost:\r\n\r\n'.repeat(2_000), false);
  client.socket.resume();
  await until(() => client.isClosed, 'the connection to be closed');
});

it('bounds the JSON of a caller by a rate: 429 and Retry-After, for large bodies of this caller only', async () => {
  const admin = await adminToken(service);
  const [first, second] = [await newVehicle(service, admin), await newVehicle(service, admin)];
  const send = (token: string, sizeBytes: number): Promise<Response> =>
    fetch(`${service.url}/api/v1/positions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: `{"positions":[{"lat":48,"lon":11,"time":"2026-01-01T00:00:00Z"}]}`.padEnd(sizeBytes),
    });
  const answers = [];
  // A burst of four seconds: 4 MB.
  for (let n = 0; n < 20; n += 1) answers.push(await send(first.deviceToken, 1_900_000));
  const refused = answers.find(({ status }) => status === 429);
  expect(answers[0]?.status).toBe(200);
  expect(await refused?.json()).toMatchObject({ code: 'http/too-many-bytes' });
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect((await send(first.deviceToken, 1_000)).status).toBe(200);
  expect((await send(second.deviceToken, 1_900_000)).status).toBe(200);
});
