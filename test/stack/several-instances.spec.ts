import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { SubscriberClient } from '../../src/tools/client/index.js';
import { type FleetVehicle, makeFleet, SendingDevice } from '../support/fleet.js';
import { call } from '../support/http.js';
import { ask, until, whenConnected } from '../support/sockets.js';
import { compareAcknowledged, readStored } from './support/acknowledged-positions.js';
import { describeOnEngine, docker } from './support/engine.js';
import { Stack } from './support/stack.js';

const CLIENTS = 12;

/** Two instances behind nginx, which is reached over plain HTTP on the GPS name. */
describeOnEngine('two instances behind nginx', () => {
  let stack: Stack;
  let vehicles: readonly FleetVehicle[];
  let accessToken: () => Promise<string>;
  const closing: (() => unknown)[] = [];
  afterEach(() => Promise.all(closing.splice(0).map((close) => close())));

  beforeAll(async () => {
    // Resolves to the loopback without a resolver of the test.
    stack = await Stack.make({ SECOND_INSTANCE: '1', GPS_NAME: 'localhost' });
    await stack.start();
    await Promise.all(['blue', 'blue-2', 'redis'].map((service) => stack.untilHealthy(service)));
    const fleet = await makeFleet(stack.url(), await stack.admin(), CLIENTS, 'N');
    vehicles = fleet.vehicles;
    accessToken = fleet.session.accessToken;
    await until(async () => (await status('GET', '/').catch(() => 0)) === 200, 'nginx');
  }, 420_000);
  afterAll(() => stack.close(), 120_000);

  const url = (): string => `http://localhost:${stack.ports.edgeHttp}`;
  const status = async (method: string, path: string, body?: unknown, token?: string): Promise<number> => {
    const headers = {
      connection: 'close',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const answer = await fetch(url() + path, {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  /** The address and User-Agent of a client select the instance of its polling sessions. */
  const open = (
    namespace: string,
    token: string,
    transports: ('polling' | 'websocket')[],
    n: number,
  ): Socket => {
    const socket = io(url() + namespace, {
      ...{ transports, forceNew: true, reconnection: false, auth: { token } },
      extraHeaders: { 'user-agent': `client-${n}` },
    });
    closing.push(() => socket.close());
    return socket;
  };
  /** Open sockets of each instance. */
  const socketCounts = async (): Promise<number[]> => {
    const token = await stack.secret('ops_token');
    const ports = [stack.ports.http, stack.ports.secondHttp];
    return Promise.all(
      ports.map(
        async (port) =>
          (await call({ url: `http://127.0.0.1:${port}` }, 'GET', '/ready', { token })).body.drain.sockets,
      ),
    );
  };
  const fix = (n: number) => ({
    ...{ lat: 48 + n * 1e-5, lon: 11 },
    time: new Date(Date.now() - 7_200_000 + n * 1_000).toISOString(),
  });

  it.each(['websocket', 'polling', 'upgraded'] as const)(
    'show each subscriber every device, wherever each is connected (%s)',
    async (kind) => {
      const transports = kind === 'upgraded' ? (['polling', 'websocket'] as const) : ([kind] as const);
      const token = await accessToken();
      const seen: Set<string>[] = [];
      const subscribers = await Promise.all(
        vehicles.map((_, n) => whenConnected(open('/live', token, [...transports], n))),
      );
      for (const [n, subscriber] of subscribers.entries()) {
        const own = (seen[n] = new Set<string>());
        subscriber.on(
          'positions',
          ({ items }: { items: { vehicleId: string; position: { time: string } }[] }) => {
            for (const { vehicleId, position } of items) own.add(`${vehicleId} ${position.time}`);
          },
        );
        expect(await ask(subscriber, 'watch', {})).toHaveProperty('cursor');
      }
      const devices = await Promise.all(
        vehicles.map(({ token }, n) => whenConnected(open('/devices', token, [...transports], n))),
      );
      const counts = await socketCounts();
      console.info(`${kind}: ${counts.join(' and ')} sockets`);
      expect(Math.min(...counts)).toBeGreaterThan(0);
      const sent: string[] = [];
      const round = { websocket: 0, polling: 100, upgraded: 200 }[kind];
      for (let n = 0; n < 5; n += 1)
        await Promise.all(
          devices.map(async (device, index) => {
            const position = fix(round + n);
            expect(await ask(device, 'position', position)).toMatchObject({ stored: 1 });
            sent.push(`${vehicles[index]?.vehicleId} ${position.time}`);
          }),
        );
      await until(
        () => seen.every((own) => sent.every((each) => own.has(each))),
        'every fix at every subscriber',
      );
      const transport = kind === 'polling' ? 'polling' : 'websocket';
      for (const client of [...subscribers, ...devices]) {
        expect(client.connected).toBe(true);
        await until(() => client.io.engine.transport.name === transport, `the transport ${transport}`);
      }
    },
  );

  it('lose nothing acknowledged when one is killed, and new requests do not notice it', async () => {
    const seen = vehicles.map(() => new Set<string>());
    const states: string[] = [];
    for (const own of seen) {
      const subscriber = new SubscriberClient(url(), accessToken, {
        onItem: ({ vehicleId, position }) => own.add(`${vehicleId} ${position.time}`),
        onConnectionState: (state) => states.push(state),
      });
      closing.push(() => subscriber.close());
      await subscriber.watch({});
    }
    const devices = vehicles.map((vehicle) => new SendingDevice(url(), vehicle, 100));
    closing.push(...devices.map((device) => () => device.stop(1_000)));
    const polling = await Promise.all(
      vehicles.map(async ({ token }, n) => {
        const socket = open('/devices', token, ['polling'], n);
        socket.io.reconnection(true);
        return whenConnected(socket);
      }),
    );
    await until(() => devices.every(({ acknowledged }) => acknowledged.size > 5), 'all devices to send');
    const before = await socketCounts();
    expect(Math.min(...before)).toBeGreaterThan(0);

    // Killed by the engine, it does not start again.
    await docker(['kill', stack.container('blue-2')]);
    const killedMs = performance.now();
    const acknowledgedBefore = devices.map(({ acknowledged }) => acknowledged.size);
    const isBack = (): boolean =>
      devices.every(({ acknowledged }, n) => acknowledged.size > (acknowledgedBefore[n] ?? 0)) &&
      polling.every(({ connected }) => connected);
    const statuses = new Map<string, number>();
    let slowestMs = 0;
    let backS = 0;
    for (let n = 0; n < 40; n += 1) {
      const startMs = performance.now();
      const vehicle = vehicles[n % vehicles.length];
      const asked = await Promise.all([
        status('GET', '/'),
        status('POST', '/api/v1/positions', { positions: [fix(1_000 + n)] }, vehicle?.token),
        status('GET', '/socket.io/?EIO=4&transport=polling'),
      ]);
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      for (const each of asked) statuses.set(String(each), (statuses.get(String(each)) ?? 0) + 1);
      if (backS === 0 && isBack()) backS = (performance.now() - killedMs) / 1_000;
      await sleep(20);
    }
    await until(isBack, 'all devices to be back');
    backS ||= (performance.now() - killedMs) / 1_000;
    console.info(
      `${before.join(' and ')} sockets before the kill; all back within ${backS.toFixed(1)} s; ` +
        `${statuses.get('200') ?? 0} new requests answered, the slowest in ${slowestMs.toFixed(0)} ms`,
    );
    expect([...statuses.keys()]).toEqual(['200']);

    // The hash selects the returned instance again, but the sessions are on the other one.
    let disconnects = 0;
    for (const socket of polling) socket.on('disconnect', () => (disconnects += 1));
    await docker(['start', stack.container('blue-2')]);
    await stack.untilHealthy('blue-2');
    for (const [n, socket] of polling.entries())
      expect(await ask(socket, 'position', fix(2_000 + n))).toMatchObject({ stored: 1 });
    expect(disconnects).toBe(0);
    const ends = await Promise.all(devices.map((device) => device.stop(60_000)));
    expect(ends.filter(({ unacknowledged }) => unacknowledged > 0)).toEqual([]);
    expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
    expect(await compareAcknowledged(stack, devices)).toMatchObject({ lost: [], duplicated: [] });
    const acknowledged = devices.flatMap(({ vehicle, acknowledged: answers }) =>
      [...answers.keys()].map((time) => `${vehicle.vehicleId} ${time}`),
    );
    await until(
      () => seen.every((own) => acknowledged.every((each) => own.has(each))),
      'every acknowledged fix at every subscriber',
    );
    expect(states).toContain('reconnecting');
    const stored = [...(await readStored(stack)).values()].flat().length;
    expect(stored).toBeGreaterThanOrEqual(acknowledged.length);
  }, 400_000);
});
