import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type Socket } from 'socket.io';
import { SubscriberClient, type StreamedItem, type SubscriberClientOptions } from './subscriber-client.js';

const FAST = { reconnectDelay: { minMs: 10, maxMs: 30 } };
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface LiveServer {
  readonly url: string;
  readonly requests: Record<string, unknown>[];
  readonly tokens: unknown[];
  readonly renewed: unknown[];
  /** Runs before the answer to each `watch`. */
  onWatch: (socket: Socket, request: Record<string, unknown>) => void;
  answerError: (request: Record<string, unknown>) => unknown;
  refuse?: string;
  socket?: Socket;
}

async function liveServer(): Promise<LiveServer> {
  const http = createServer();
  const io = new Server(http);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  open.push(() => io.close());
  const server: LiveServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests: [],
    tokens: [],
    renewed: [],
    onWatch: () => undefined,
    answerError: () => undefined,
  };
  io.of('/live').use((socket, next) => {
    server.tokens.push(socket.handshake.auth.token);
    if (server.refuse === undefined) return next();
    next(Object.assign(new Error('refused'), { data: { code: server.refuse } }));
  });
  io.of('/live').on('connection', (socket) => {
    server.socket = socket;
    socket.on('authenticate', (request) => server.renewed.push(request.token));
    socket.on('watch', (request: Record<string, unknown>, acknowledge: (answer: unknown) => void) => {
      server.requests.push(request);
      server.onWatch(socket, request);
      const error = server.answerError(request);
      acknowledge(error ? { error } : { snapshot: [], cursor: `w${server.requests.length}` });
    });
  });
  return server;
}

const item = (vehicleId: string, second: number): StreamedItem => {
  const time = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  return { vehicleId, position: { lat: 1, lon: 2, time, receivedAt: time }, late: false };
};

function subscriber(
  server: LiveServer,
  token: string | (() => string),
  options: Partial<SubscriberClientOptions>,
) {
  const items: StreamedItem[] = [];
  const client = new SubscriberClient(server.url, token, {
    ...FAST,
    onItem: (i) => items.push(i),
    ...options,
  });
  open.push(() => client.close());
  return { client, items };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}

describe('WatcherClient', () => {
  it('delivers the snapshot, then the stream without repeats, and keeps the cursor', async () => {
    const server = await liveServer();
    const { client, items } = subscriber(server, 't', {});
    expect(await client.watch({ vehicleIds: ['a'] })).toEqual([]);
    expect(client.cursor).toBe('w1');
    server.socket!.emit('positions', { cursor: 'c1', items: [item('a', 1), item('a', 2)] });
    server.socket!.emit('positions', { cursor: 'c2', items: [item('a', 2), item('b', 2)] });
    await until(() => client.cursor === 'c2');
    expect(items).toEqual([item('a', 1), item('a', 2), item('b', 2)]);
    expect(client.repeats).toBe(1);
    expect(server.requests).toEqual([{ vehicleIds: ['a'] }]);
  });

  it('watches again after a cut from its last cursor, with a new token', async () => {
    const server = await liveServer();
    let asked = 0;
    const { client, items } = subscriber(server, () => `t${++asked}`, {});
    await client.watch({ vehicleIds: ['a'] });
    server.socket!.emit('positions', { cursor: 'c1', items: [item('a', 1)] });
    await until(() => client.cursor === 'c1');
    server.onWatch = (socket) =>
      socket.emit('positions', { cursor: 'c2', items: [item('a', 1), item('a', 2)] });
    server.socket!.conn.close();
    await until(() => items.length === 2);
    expect(server.requests[1]).toEqual({ vehicleIds: ['a'], since: 'c1' });
    expect(server.tokens).toEqual(['t1', 't2']);
    expect(client.repeats).toBe(1);
  });

  it('keeps the old cursor until a frame of the replay arrives', async () => {
    const server = await liveServer();
    const { client } = subscriber(server, 't', {});
    await client.watch({});
    for (const count of [2, 3]) {
      server.socket!.conn.close();
      await until(() => server.requests.length === count);
    }
    expect(server.requests.map((request) => request.since)).toEqual([undefined, 'w1', 'w1']);
  });

  it('requests a replay after `resync`, and starts without a cursor when that is refused too', async () => {
    const server = await liveServer();
    const reasons: string[] = [];
    const { client } = subscriber(server, 't', { onResync: (reason) => reasons.push(reason) });
    await client.watch({});
    server.onWatch = (socket, request) => {
      if (request.since !== undefined) socket.emit('resync', { reason: 'replay_limit' });
    };
    server.socket!.emit('resync', { reason: 'slow' });
    await until(() => server.requests.length === 3);
    expect(server.requests.map((request) => request.since)).toEqual([undefined, 'w1', undefined]);
    expect(reasons).toEqual(['slow', 'replay_limit']);
    await until(() => client.cursor === 'w3');
  });

  it('keeps its cursor when the stream ends again before the replay has begun', async () => {
    const server = await liveServer();
    const { client } = subscriber(server, 't', {});
    await client.watch({});
    let ends = 2;
    server.onWatch = (socket) => {
      if (ends-- > 0) socket.emit('resync', { reason: 'gap' });
    };
    server.socket!.emit('resync', { reason: 'gap' });
    await until(() => server.requests.length === 4);
    expect(server.requests.map((request) => request.since)).toEqual([undefined, 'w1', 'w1', 'w1']);
  });

  it('continues with a gap without a replay, waits `retryAfterMs`, and ends at a refusal', async () => {
    const server = await liveServer();
    const notices: string[] = [];
    const { client } = subscriber(server, 't', {
      onResync: (reason) => notices.push(reason),
      onEnd: (error) => notices.push(error.code),
    });
    await client.watch({});
    let busy = 1;
    server.answerError = ({ since }) =>
      busy-- > 0
        ? { code: 'storage/unavailable', message: 'down', retryAfterMs: 20 }
        : since && { code: 'input/invalid', message: 'property since should not exist' };
    server.socket!.conn.close();
    await until(() => client.cursor === 'w4');
    expect(server.requests.map((request) => request.since)).toEqual([undefined, 'w1', 'w1', undefined]);
    expect(notices).toEqual(['property since should not exist']);

    server.answerError = () => ({ code: 'input/invalid', message: 'no' });
    server.socket!.conn.close();
    await until(() => notices.length === 3);
    expect(notices.slice(1)).toEqual(['no', 'input/invalid']);
    await expect(client.watch({})).rejects.toMatchObject({ code: 'client/closed' });
  });

  it('answers `auth.expiring` with a new token', async () => {
    const server = await liveServer();
    let asked = 0;
    const { client } = subscriber(server, () => `t${++asked}`, {});
    await client.watch({});
    server.socket!.emit('auth.expiring', { inS: 60 });
    await until(() => server.renewed.length === 1);
    expect(server.renewed).toEqual(['t2']);
  });

  it('retries when no token is available, and ends when the token is refused', async () => {
    const server = await liveServer();
    let fails = 2;
    const ends: string[] = [];
    const token = (): string => {
      if (fails-- > 0) throw new Error('login is down');
      return 't';
    };
    const { client } = subscriber(server, token, { onEnd: (error) => ends.push(error.code) });
    await client.watch({});
    server.refuse = 'auth/user-deleted';
    server.socket!.conn.close();
    await until(() => ends.length === 1);
    expect(ends).toEqual(['auth/user-deleted']);
  });
});
