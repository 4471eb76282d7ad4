import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { answerMalformedRequests, HTTP_SERVER_OPTIONS, StalledBodies } from '../../src/core/index.js';
import { exchange } from '../support/raw-http.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

const PACE = { stallMs: 30_000, minBytesPerS: 500 };
const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2300000\r\n\r\n';

describe('the body of a request', () => {
  let server: Server;
  let bodies: StalledBodies;
  let client: Socket;
  let answer: string;
  let request: IncomingMessage | undefined;
  beforeEach(async () => {
    server = createServer(HTTP_SERVER_OPTIONS, (received, response) => {
      request = received;
      received.resume().on('end', () => response.end('done'));
    });
    answerMalformedRequests(server);
    bodies = new StalledBodies(server, PACE);
    bodies.observe();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    answer = '';
    client.on('error', () => undefined).on('data', (chunk) => (answer += chunk.toString()));
    request = undefined;
    await send(HEAD);
    await until(() => request !== undefined, 'the request');
  });
  afterEach(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  const send = (bytes: string): Promise<void> => new Promise((sent) => client.write(bytes, () => sent()));
  /** Sends, and waits until the server has the bytes. */
  async function arrive(byteCount: number): Promise<void> {
    const before = request?.socket.bytesRead ?? 0;
    await send('x'.repeat(byteCount));
    await until(() => request?.socket.bytesRead === before + byteCount, 'the bytes');
  }
  const isOpen = (): boolean => request?.socket.destroyed === false && request.socket.writable;

  it('may take any time while it arrives: 2.3 MB at 15 kB/s take 153 s', async () => {
    expect(HTTP_SERVER_OPTIONS.requestTimeout).toBe(0);
    const start = 0;
    for (let at = 0; at < 153; at += 9) {
      bodies.check(start + at * 1_000);
      await arrive(135_000);
    }
    expect(isOpen()).toBe(true);
    await arrive(2_300_000 - 17 * 135_000);
    await until(() => answer.includes('200 OK'), 'the answer');
  });

  it('is given up when nothing arrives for the stall time', async () => {
    const start = 0;
    bodies.check(start);
    await arrive(10);
    bodies.check(start + 20_000);
    bodies.check(start + 49_000);
    expect(isOpen()).toBe(true);
    bodies.check(start + 50_000);
    await once(client, 'close');
    expect(answer).toContain('408 Request Timeout');
  });

  it('is given up when it trickles: one byte a second is no progress', async () => {
    const start = 0;
    for (let at = 0; at < 60; at += 10) {
      bodies.check(start + at * 1_000);
      await arrive(10);
    }
    expect(isOpen()).toBe(true);
    bodies.check(start + 60_000);
    await once(client, 'close');
  });

  it('waits for the service without a limit', async () => {
    request?.pause();
    const start = 0;
    await arrive(10);
    for (let at = 0; at < 600; at += 25) bodies.check(start + at * 1_000);
    expect(isOpen()).toBe(true);
  });
});

describe('a client that stops in the middle of a body', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ HTTP_BODY_STALL_S: '1' });
  });
  afterAll(() => service.stop());

  const halfABody = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;

  it('gets 408 on the HTTP port', async () => {
    expect(await exchange(service.service.httpPort, [halfABody('/api/v1/auth/login')])).toMatchObject({
      isClosed: true,
      status: 408,
      body: { code: 'http/request-timeout' },
    });
  });

  it('gets 408 on the socket port', async () => {
    const polling = '/socket.io/?EIO=4&transport=polling';
    const opened = await (await fetch(`${service.socketUrl}${polling}`)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    // Without a poll in flight the server would wait 30 s for one when it closes the session.
    const poll = fetch(`${service.socketUrl}${polling}&sid=${sid}`).then((answer) => answer.text());
    expect(await exchange(service.service.socketPort, [halfABody(`${polling}&sid=${sid}`)])).toMatchObject({
      isClosed: true,
      status: 408,
    });
    await poll;
  });
});
