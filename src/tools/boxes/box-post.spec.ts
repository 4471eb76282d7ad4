import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { postAsBox } from './box-post.js';
import { boxRequest } from './box-requests.js';

const post = boxRequest.position('291', { lat: 1, lon: 2, speedMps: 3, headingDeg: 4 });
let server: Server | null = null;
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  server = null;
});

async function listen(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('postAsBox', () => {
  it('gives status and body, over a new connection for each post', async () => {
    const ports = new Set<number | undefined>();
    const url = await listen((request, response) => {
      ports.add(request.socket.remotePort);
      expect(request.headers['content-length']).toBe(String(post.body.length));
      response.end('{"success":true}');
    });
    for (let n = 0; n < 3; n += 1)
      expect(await postAsBox(url, post)).toEqual({ kind: 'answered', status: 200, body: '{"success":true}' });
    expect(ports.size).toBe(3);
  });

  it('does not follow a redirect', async () => {
    let requests = 0;
    const url = await listen((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await postAsBox(url, post)).toMatchObject({ kind: 'answered', status: 307 });
    expect(requests).toBe(1);
  });

  it('is broken when the connection ends before the answer, and not sent without a connection', async () => {
    const url = await listen((request) => request.socket.destroy());
    expect(await postAsBox(url, post)).toMatchObject({ kind: 'broken', reason: 'ECONNRESET' });
    await new Promise((resolve) => server?.close(resolve));
    expect(await postAsBox(url, post)).toMatchObject({ kind: 'not-sent', reason: 'ECONNREFUSED' });
  });

  it('is broken when the body of the answer is cut', async () => {
    const url = await listen((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half', () => response.destroy());
    });
    expect(await postAsBox(url, post)).toMatchObject({ kind: 'broken' });
  });

  it('gives up after the time limit of the box', async () => {
    const url = await listen(() => undefined);
    expect(await postAsBox(url, post)).toMatchObject({ kind: 'timeout' });
  });
});
