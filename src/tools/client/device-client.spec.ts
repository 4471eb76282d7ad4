import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type Socket } from 'socket.io';
import type { PositionInput, ReportAnswer } from '../../core/index.js';
import { SocketClientError } from './client.errors.js';
import { DeviceClient, type DeviceClientOptions } from './device-client.js';

type Acknowledge = (answer: unknown) => void;
type Handler = (batch: readonly PositionInput[], acknowledge: Acknowledge, socket: Socket) => void;

const FAST = { reconnectDelay: { minMs: 10, maxMs: 30 } };
const open: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

/** Stores fixes in the order of arrival: the first copy of a fix is `stored`, each repeat is `duplicate`. */
class DeviceServer {
  readonly arrived: string[] = [];
  readonly stored: string[] = [];
  readonly frames: number[] = [];
  connections = 0;
  handler: Handler = (positions, acknowledge) => acknowledge(this.store(positions));
  refuse?: { code: string };
  private constructor(
    readonly io: Server,
    readonly url: string,
  ) {}

  static async start(): Promise<DeviceServer> {
    const http: HttpServer = createServer();
    const io = new Server(http);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const server = new DeviceServer(io, `http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    io.of('/devices').use((_socket, next) => {
      if (server.refuse === undefined) return next();
      next(Object.assign(new Error('refused'), { data: server.refuse }));
    });
    io.of('/devices').on('connection', (socket) => {
      server.connections += 1;
      const receive = (positions: readonly PositionInput[], acknowledge: Acknowledge): void => {
        server.frames.push(positions.length);
        server.arrived.push(...positions.map((position) => position.time));
        server.handler(positions, acknowledge, socket);
      };
      socket.on('position', (position: PositionInput, acknowledge: Acknowledge) =>
        receive([position], acknowledge),
      );
      socket.on('positions', (body: { positions: PositionInput[] }, acknowledge: Acknowledge) =>
        receive(body.positions, acknowledge),
      );
    });
    open.push(() => io.close());
    return server;
  }

  store(positions: readonly PositionInput[]): ReportAnswer {
    const results = positions.map(({ time }, index) => {
      const isKnown = this.stored.includes(time);
      if (!isKnown) this.stored.push(time);
      return { index, verdict: isKnown ? ('duplicate' as const) : ('stored' as const) };
    });
    const count = (verdict: string) => results.filter((result) => result.verdict === verdict).length;
    return {
      results,
      stored: count('stored'),
      duplicate: count('duplicate'),
      quarantined: 0,
      rejected: 0,
    };
  }
}

function device(server: DeviceServer, options: DeviceClientOptions = {}): DeviceClient {
  const client = new DeviceClient(server.url, 'id.secret', { ...FAST, ...options });
  open.push(async () => void (await client.close(0)));
  return client;
}

const times = (count: number) =>
  Array.from({ length: count }, (_, i) => new Date(Date.UTC(2026, 0, 1) + i * 1000).toISOString());
const positions = (count: number): PositionInput[] => times(count).map((time) => ({ lat: 1, lon: 2, time }));

describe('DeviceClient', () => {
  it('sends one fix as `position` and waiting fixes as `positions`, in order', async () => {
    const server = await DeviceServer.start();
    const requests: number[] = [];
    const client = device(server, { maxBatch: 4, onRequest: ({ size }) => requests.push(size) });
    await client.connect(5000);
    const deliveries = await Promise.all(positions(10).map((position) => client.send(position)));
    expect(deliveries.every((delivery) => delivery.verdict === 'stored')).toBe(true);
    expect(deliveries.every((delivery) => delivery.latencyMs > 0 && delivery.attempts === 1)).toBe(true);
    expect(server.frames).toEqual([1, 4, 4, 1]);
    expect(requests).toEqual([1, 4, 4, 1]);
    expect(server.arrived).toEqual(times(10));
    expect(client.pending).toBe(0);
    expect(client.resends).toBe(0);
  });

  it('keeps at most `maxInFlight` requests without an answer', async () => {
    const server = await DeviceServer.start();
    const held: (() => void)[] = [];
    server.handler = (batch, acknowledge) => held.push(() => acknowledge(server.store(batch)));
    const client = device(server, { maxBatch: 1, maxInFlight: 2 });
    await client.connect(5000);
    const all = Promise.all(positions(5).map((position) => client.send(position)));
    await sleep(100);
    expect(held).toHaveLength(2);
    server.handler = (batch, acknowledge) => acknowledge(server.store(batch));
    held.forEach((release) => release());
    await all;
    expect(server.stored).toEqual(times(5));
  });

  it('sends fixes again after a cut during a batch: none is lost or stored twice, and the order is kept', async () => {
    const server = await DeviceServer.start();
    let request = 0;
    server.handler = (batch, acknowledge, socket) => {
      request += 1;
      // The second request is stored and its answer lost; the third is lost before it is stored.
      if (request === 2) server.store(batch);
      if (request === 2 || request === 3) socket.conn.close();
      else acknowledge(server.store(batch));
    };
    const client = device(server, { maxBatch: 5 });
    await client.connect(5000);
    const deliveries = await Promise.all(positions(12).map((position) => client.send(position)));
    expect(server.stored).toEqual(times(12));
    expect(server.connections).toBe(3);
    expect(client.resends).toBe(10);
    expect(deliveries.map((delivery) => delivery.attempts)).toEqual([1, 3, 3, 3, 3, 3, 1, 1, 1, 1, 1, 1]);
    expect(deliveries.slice(1, 6).map((delivery) => delivery.verdict)).toEqual(Array(5).fill('duplicate'));
  });

  it('requeues several open requests in their order', async () => {
    const server = await DeviceServer.start();
    server.handler = (_batch, _acknowledge, socket) => {
      if (server.frames.length < 3) return;
      server.handler = (batch, acknowledge) => acknowledge(server.store(batch));
      socket.conn.close();
    };
    const client = device(server, { maxBatch: 2, maxInFlight: 3 });
    await client.connect(5000);
    await Promise.all(positions(7).map((position) => client.send(position)));
    expect(server.stored).toEqual(times(7));
  });

  it('opens a new connection after a missing acknowledgement and sends the same fix', async () => {
    const server = await DeviceServer.start();
    server.handler = () => undefined;
    const client = device(server, { ackTimeoutMs: 80 });
    await client.connect(5000);
    const sent = client.send({ lat: 1, lon: 2, time: times(1)[0]! });
    while (server.connections === 1) await sleep(5);
    server.handler = (batch, acknowledge) => acknowledge(server.store(batch));
    expect(await sent).toMatchObject({ verdict: 'stored' });
    expect(client.resends).toBeGreaterThanOrEqual(1);
    expect(server.stored).toHaveLength(1);
  });

  it('waits `retryAfterMs` and sends the same fix again on the same connection', async () => {
    const server = await DeviceServer.start();
    const arrivals: number[] = [];
    server.handler = (batch, acknowledge) => {
      arrivals.push(Date.now());
      if (arrivals.length > 1) return acknowledge(server.store(batch));
      acknowledge({ error: { code: 'storage/unavailable', message: 'down', retryAfterMs: 150 } });
    };
    const client = device(server);
    await client.connect(5000);
    const deliveries = await Promise.all(positions(3).map((position) => client.send(position)));
    expect(deliveries.map((delivery) => delivery.attempts)).toEqual([2, 1, 1]);
    expect(arrivals[1]! - arrivals[0]!).toBeGreaterThanOrEqual(145);
    expect(server.stored).toEqual(times(3));
    expect(server.connections).toBe(1);
  });

  it('repeats fixes with growing pauses after an `internal` error', async () => {
    const server = await DeviceServer.start();
    const arrivals: number[] = [];
    server.handler = (batch, acknowledge) => {
      arrivals.push(performance.now());
      if (arrivals.length > 3) return acknowledge(server.store(batch));
      acknowledge({ error: { code: 'internal', message: 'Something went wrong here.' } });
    };
    const client = device(server, { initialBackoffMs: 50 });
    await client.connect(5000);
    expect(await client.send(positions(1)[0]!)).toMatchObject({ verdict: 'stored', attempts: 4 });
    const pausesMs = arrivals.slice(1).map((arrival, index) => arrival - arrivals[index]!);
    expect(pausesMs[0]).toBeGreaterThanOrEqual(49);
    expect(pausesMs[1]).toBeGreaterThanOrEqual(99);
    expect(pausesMs[2]).toBeGreaterThanOrEqual(199);
    expect(server.connections).toBe(1);
  });

  it('with several requests in flight, repeats a failed one before newer fixes', async () => {
    const server = await DeviceServer.start();
    let isFirst = true;
    server.handler = (batch, acknowledge) => {
      if (!isFirst) return void setTimeout(() => acknowledge(server.store(batch)), 50);
      isFirst = false;
      acknowledge({ error: { code: 'storage/unavailable', message: 'down', retryAfterMs: 1 } });
    };
    const client = device(server, { maxBatch: 1, maxInFlight: 2 });
    await client.connect(5000);
    await Promise.all(positions(4).map((position) => client.send(position)));
    const [first, second, third, fourth] = times(4);
    expect(server.arrived).toEqual([first, second, first, third, fourth]);
  });

  it('rejects only the fixes of a request that would fail again', async () => {
    const server = await DeviceServer.start();
    server.handler = (batch, acknowledge) =>
      batch.length === 1
        ? acknowledge({ error: { code: 'positions/invalid', message: 'no' } })
        : acknowledge(server.store(batch));
    const client = device(server);
    await client.connect(5000);
    const outcomes = await Promise.allSettled(positions(3).map((position) => client.send(position)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled', 'fulfilled']);
    expect((outcomes[0] as PromiseRejectedResult).reason).toMatchObject({ code: 'positions/invalid' });
  });

  it('rejects a fix that the answer leaves out', async () => {
    const server = await DeviceServer.start();
    server.handler = (_batch, acknowledge) => acknowledge({ results: [] });
    const client = device(server);
    await client.connect(5000);
    await expect(client.send(positions(1)[0]!)).rejects.toMatchObject({ code: 'client/bad-answer' });
  });

  it('treats an `auth/…` refusal as final and rejects all fixes with its code', async () => {
    const server = await DeviceServer.start();
    server.refuse = { code: 'auth/token-revoked' };
    const client = device(server);
    const sent = client.send(positions(1)[0]!);
    const outcome = expect(sent).rejects.toMatchObject({ code: 'auth/token-revoked' });
    await expect(client.connect(5000)).rejects.toMatchObject({ code: 'auth/token-revoked' });
    await outcome;
    await expect(client.send(positions(1)[0]!)).rejects.toBeInstanceOf(SocketClientError);
    await expect(client.connect(5000)).rejects.toMatchObject({ code: 'auth/token-revoked' });
    await sleep(60);
    expect(server.connections).toBe(0);
  });

  it('rejects with the code of a revoked token after the server has disconnected the socket', async () => {
    const server = await DeviceServer.start();
    server.handler = (_batch, _acknowledge, socket) => {
      server.refuse = { code: 'auth/token-revoked' };
      socket.disconnect(true);
    };
    const client = device(server);
    await client.connect(5000);
    await expect(client.send(positions(1)[0]!)).rejects.toMatchObject({ code: 'auth/token-revoked' });
  });

  it('retries after a refusal without an `auth/…` code', async () => {
    const server = await DeviceServer.start();
    server.refuse = { code: 'overload' };
    const client = device(server);
    const connected = client.connect();
    await sleep(60);
    server.refuse = undefined;
    await connected;
    expect(await client.send(positions(1)[0]!)).toMatchObject({ verdict: 'stored' });
  });

  it('reconnects automatically after a drain', async () => {
    const server = await DeviceServer.start();
    server.handler = (_batch, _acknowledge, socket) => {
      server.handler = (batch, acknowledge) => acknowledge(server.store(batch));
      socket.emit('drain', { reconnectWithinMs: 60 });
      setTimeout(() => socket.conn.close(), 10);
    };
    const client = device(server, { reconnectDelay: { minMs: 20_000, maxMs: 20_000 } });
    await client.connect(5000);
    const deliveries = await Promise.all(positions(3).map((position) => client.send(position)));
    expect(deliveries).toHaveLength(3);
    expect(server.stored).toEqual(times(3));
    expect(server.connections).toBe(2);
  });

  it('rejects `connect` when no server answers within the limit', async () => {
    const client = new DeviceClient('http://127.0.0.1:1', 'id.secret', FAST);
    await expect(client.connect(100)).rejects.toMatchObject({ code: 'client/unreachable' });
    await client.close(0);
  });

  it('waits at close for outstanding acknowledgements and reports the fixes without one', async () => {
    const server = await DeviceServer.start();
    server.handler = (batch, acknowledge) => setTimeout(() => acknowledge(server.store(batch)), 50);
    const client = device(server);
    await client.connect(5000);
    const sent = client.send(positions(1)[0]!);
    expect(await client.close(2000)).toEqual({ unacknowledged: 0 });
    expect(await sent).toMatchObject({ verdict: 'stored' });

    server.handler = () => undefined;
    const other = device(server);
    await other.connect(5000);
    const lost = expect(Promise.all(positions(3).map((position) => other.send(position)))).rejects;
    const rejected = lost.toMatchObject({ code: 'client/closed' });
    expect(await other.close(50)).toEqual({ unacknowledged: 3 });
    await rejected;
    await expect(other.send(positions(1)[0]!)).rejects.toMatchObject({ code: 'client/closed' });
  });

  it('splits batches that are too large for one frame', async () => {
    const server = await DeviceServer.start();
    const client = device(server);
    await client.connect(5000);
    const attributes = { note: 'x'.repeat(2000) };
    await Promise.all(positions(400).map((position) => client.send({ ...position, attributes })));
    expect(server.stored).toEqual(times(400));
    expect(server.connections).toBe(1);
    expect(Math.max(...server.frames)).toBeLessThan(300);
  });
});
