import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { assertBlueCanServe } from './rollback.js';

let servers: Server[];
let said: string[];
beforeEach(() => {
  servers = [];
  said = [];
});
afterEach(() => {
  for (const server of servers) server.close().closeAllConnections();
});

async function server(answer: RequestListener): Promise<{ http: string; sockets: string }> {
  const listening = createServer(answer).listen(0, '127.0.0.1');
  servers.push(listening);
  await new Promise((resolve) => listening.once('listening', resolve));
  const http = `127.0.0.1:${(listening.address() as AddressInfo).port}`;
  return { http, sockets: http };
}

const withStatus = (status: number) => server((_, response) => void response.writeHead(status).end());
/** It accepts connections and answers none. */
const silent = () => server(() => undefined);
/** Port 1 has no server. */
const refusing = async () => ({ http: '127.0.0.1:1', sockets: '127.0.0.1:1' });

describe('assertBlueCanServe', () => {
  const check = async (
    blue: ReturnType<typeof server>,
    green: ReturnType<typeof server>,
    limitMs?: number,
  ): Promise<void> =>
    assertBlueCanServe({ blue: await blue, green: await green }, (line) => void said.push(line), limitMs);

  it('accepts a blue that answers, also with an error, and late', async () => {
    await check(withStatus(500), withStatus(200));
    const late = server((_, response) => void setTimeout(() => response.end(), 200));
    await check(late, withStatus(200));
    expect(said).toEqual([]);
  });

  it('accepts a blue that is slow when green is not ready', async () => {
    await check(silent(), withStatus(503), 300);
    await check(silent(), refusing(), 300);
    expect(said).toHaveLength(2);
    expect(said[0]).toMatch(/blue has not answered within 0\.3 s, and green is not ready/);
  });

  it('refuses a blue that is slow when green is ready, and names --force', async () => {
    await expect(check(silent(), withStatus(200), 300)).rejects.toThrow(/green is ready: give --force/);
  });

  it('refuses a blue that accepts no connection', async () => {
    await expect(check(refusing(), withStatus(503), 300)).rejects.toThrow(/blue does not answer.*--force/);
  });
});
