import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { RawWebSocket } from '../../bench/raw-websocket.mjs';
import { EventBus } from '../../src/core/index.js';
import { SocketPort } from '../../src/gateway/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, openSocket, until, whenConnected } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  // A test sends more than the kernel buffers for a connection.
  const unsent = { SOCKET_MAX_UNSENT_BYTES: '100000000', SOCKET_MAX_UNSENT_BYTES_TOTAL: '100000000' };
  service = await startTestService({ LIVE_REPLAY_LIMIT: '3000', ...unsent });
  token = await adminToken(service);
});
afterAll(() => service.stop());

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

interface Seen {
  readonly socket: Socket;
  readonly times: string[];
  readonly events: { readonly event: string; readonly body: unknown }[];
  cursor: string;
}

async function watch(
  request: Record<string, unknown> = {},
  instance: Instance = service,
): Promise<Seen & { snapshot: unknown[] }> {
  const socket = await connectSocket(instance.socketUrl, '/live', token);
  open.push(socket);
  const seen: Seen = { socket, times: [], events: [], cursor: '' };
  const received = new Set<string>();
  socket.on('positions', (frame) => {
    seen.cursor = frame.cursor;
    // Delivery is at least once: while another instance has a heartbeat, storage is read again.
    for (const { vehicleId, position } of frame.items) {
      const key = `${vehicleId} ${position.time}`;
      if (!received.has(key)) seen.times.push(position.time);
      received.add(key);
    }
  });
  for (const event of ['left', 'resync', 'vehicle', 'auth.expiring'])
    socket.on(event, (body) => seen.events.push({ event, body }));
  const answer = await ask(socket, 'watch', request);
  seen.cursor = answer.cursor;
  return Object.assign(seen, { snapshot: answer.snapshot });
}

/** Ignores `vehicle` events: the registration of the vehicle can lie within the overlap of the replay. */
const withoutVehicleEvents = (events: Seen['events']) => events.filter(({ event }) => event !== 'vehicle');

const startMs = Date.now() - 3_600_000;
const fix = (second: number, change: Record<string, unknown> = {}) => ({
  lat: 48,
  lon: 11 + second * 1e-4,
  time: new Date(startMs + second * 1_000).toISOString(),
  ...change,
});
const report = async (deviceToken: string, ...positions: unknown[]) =>
  call(service, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions } });

describe('since', () => {
  it('sends the missed positions first, late and released ones too, and continues without a gap', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const before = await watch({ vehicleIds: [vehicleId] });
    await report(deviceToken, fix(0), fix(100));
    await until(() => before.times.length === 2);
    before.socket.close();

    const missed = [fix(101), fix(50), fix(110, { lat: 49 }), fix(120, { lat: 49 }), fix(130, { lat: 49 })];
    for (const position of missed) await report(deviceToken, position);
    const after = await watch({ vehicleIds: [vehicleId], since: before.cursor });
    const next = Array.from({ length: 50 }, (_, n) => fix(140 + n, { lat: 49 }));
    for (const position of next) await report(deviceToken, position);
    const wanted = [...missed, ...next].map(({ time }) => time);
    await until(
      () => wanted.every((time) => after.times.includes(time)),
      'the missed and the next positions',
    );
    expect(withoutVehicleEvents(after.events)).toEqual([]);
  });

  it('is valid on another instance', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const { cursor, socket } = await watch({ vehicleIds: [vehicleId] });
    socket.close();
    await report(deviceToken, fix(1), fix(2));
    const other = await service.another();
    const after = await watch({ vehicleIds: [vehicleId], since: cursor }, other);
    await until(() => after.times.length >= 2);
    expect(after.times).toEqual([fix(1).time, fix(2).time]);
    after.socket.close();
    await other.stop();
  });

  it('with bbox: sends left for a vehicle that enters and leaves within one batch or within the replay', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const through = (second: number) =>
      [-1, 0, 1].map((n) => fix(second + n * 60, { lat: 20, lon: 30 + n / 50 }));
    const request = { vehicleIds: [vehicleId], bbox: [29.99, 19, 30.01, 21] };
    const [seen, away] = [await watch(request), await watch(request)];
    away.socket.close();
    const gone = [{ event: 'left', body: { vehicleId } }];
    await report(deviceToken, ...through(1_000));
    await until(() => withoutVehicleEvents(seen.events).length > 0, 'left');
    expect([seen.times.length, withoutVehicleEvents(seen.events)]).toEqual([1, gone]);

    const back = await watch({ ...request, since: away.cursor });
    expect(back.snapshot).toEqual([]);
    await until(() => withoutVehicleEvents(back.events).length > 0, 'left after the replay');
    expect([back.times.length, withoutVehicleEvents(back.events)]).toEqual([1, gone]);
    await report(deviceToken, ...through(2_000));
    await until(() => withoutVehicleEvents(back.events).length > 1, 'left again');
    expect([back.times.length, withoutVehicleEvents(back.events)]).toEqual([2, [...gone, ...gone]]);
  });

  it('that exceeds the replay limit is answered with resync', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const batch = 500;
    for (let start = 0; start < 3_500; start += batch) {
      await report(deviceToken, ...Array.from({ length: batch }, (_, n) => fix(start / 20 + n / 20)));
    }
    const seen = await watch({ vehicleIds: [vehicleId], since: `t${(Date.now() - 600_000).toString(36)}` });
    await until(() => withoutVehicleEvents(seen.events).length > 0, 'resync');
    expect(withoutVehicleEvents(seen.events)).toEqual([
      { event: 'resync', body: { reason: 'replay_limit' } },
    ]);
  });

  it.each(['x', '', 't', 't!!', 5, 'tzzzzzzzzzzz', `t${(8.64e15 + 1).toString(36)}`])(
    'refuses the cursor %j',
    async (since) => {
      const socket = await connectSocket(service.socketUrl, '/live', token);
      open.push(socket);
      expect(await ask(socket, 'watch', { since })).toMatchObject({
        error: { code: 'input/invalid', errors: [{ path: 'since' }] },
      });
    },
  );
});

describe('bbox', () => {
  it('sends positions inside the box, and left once for a vehicle that leaves it', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    await report(deviceToken, fix(0, { lat: 10, lon: 179.95 }));
    const seen = await watch({ vehicleIds: [vehicleId], bbox: [179.9, 9, -179.9, 11] });
    expect(seen.snapshot).toHaveLength(1);
    await report(deviceToken, fix(1_000, { lat: 10, lon: -179.95 }));
    await report(deviceToken, fix(2_000, { lat: 10, lon: -179.85 }));
    await report(deviceToken, fix(3_000, { lat: 10, lon: -179.84 }));
    await report(deviceToken, fix(500, { lat: 10, lon: 180 }));
    await until(() => seen.times.length === 2 && seen.events.length === 1);
    expect(seen.times).toEqual([fix(1_000).time, fix(500).time]);
    expect(seen.events).toEqual([{ event: 'left', body: { vehicleId } }]);
  });

  it.each([[[1, 2, 3]], ['1,2,3'], [[0, 5, 1, 4]], [[0, 0, 200, 1]], [['a', 'b', 'c', 'd']], [{ w: 1 }]])(
    '%j is no box',
    async (bbox) => {
      const socket = await connectSocket(service.socketUrl, '/live', token);
      open.push(socket);
      expect(await ask(socket, 'watch', { bbox })).toMatchObject({
        error: { code: 'input/invalid', errors: [{ path: 'bbox' }] },
      });
    },
  );
});

describe('the fields of watch', () => {
  it('may be null, which means all vehicles from now on', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const seen = await watch({ vehicleIds: null, bbox: null, since: null });
    await report(deviceToken, fix(0));
    await until(() => seen.times.length > 0);
    expect(seen.snapshot).not.toContainEqual(expect.objectContaining({ vehicleId }));
  });

  it('accept a vehicle id in capitals', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const seen = await watch({ vehicleIds: [vehicleId.toUpperCase()] });
    await report(deviceToken, fix(0));
    await until(() => seen.times.length === 1);
  });
});

describe('a subscriber that does not read', () => {
  it.each([
    ['bytes', { LIVE_MAX_UNSENT_BYTES: '1000000', LIVE_MAX_UNSENT_S: '3600' }],
    ['age', { LIVE_MAX_UNSENT_BYTES: '1000000000', LIVE_MAX_UNSENT_S: '1' }],
  ])('gets resync by the limit of %s, and no further frame is kept for it', async (_limit, limits) => {
    const instance = await service.another(limits);
    try {
      const { vehicleId, deviceToken } = await newVehicle(instance, token);
      const reading = await watch({ vehicleIds: [vehicleId] }, instance);
      const seen = await watch({ vehicleIds: [vehicleId] }, instance);
      // The stream below the websocket: the buffers of the kernel fill up, and then frames wait in the service.
      const stream = (
        seen.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void; resume(): void } } }
      ).ws._socket;
      stream.pause();
      const { sockets } = instance.service.app.get(SocketPort).io.of('/live');
      const socket = sockets.get(seen.socket.id ?? '');
      // More than the kernel buffers for a connection, so that later frames wait in the service.
      socket?.emit('filling', 'x'.repeat(30_000_000));
      const { writeBuffer } = socket?.conn as unknown as { writeBuffer: readonly { data?: string }[] };
      const waiting = () => writeBuffer.map(({ data }) => String(data));
      let second = 1_000;
      const reportOne = () =>
        call(instance, 'POST', '/api/v1/positions', {
          token: deviceToken,
          body: { positions: [fix((second += 1))] },
        });
      await until(async () => {
        await reportOne();
        return waiting().some((packet) => packet.includes('"resync"'));
      }, 'the end of the stream');
      const kept = waiting();
      const count = reading.times.length;
      await reportOne();
      await until(() => reading.times.length > count, 'a frame for the other subscriber');
      expect(waiting()).toEqual(kept);

      stream.resume();
      await until(() => seen.events.length > 0, 'resync');
      expect(seen.events).toEqual([{ event: 'resync', body: { reason: 'slow' } }]);
      expect(await ask(seen.socket, 'watch', { vehicleIds: [vehicleId] })).toHaveProperty('cursor');
      expect(reading.events).toEqual([]);
    } finally {
      await instance.stop();
    }
  });
});

describe('5,000 events and 500 positions within one turn', () => {
  const COUNT = 5_000;
  const WATCHERS = 50;
  const at = new Date('2026-11-01T10:00:00.000Z');
  const idOf = (n: number) => n.toString(16).padStart(24, '0');

  /** Events of every kind, as an outage of the network causes them. */
  function publishAll(bus: EventBus): void {
    for (let n = 0; n < COUNT; n += 1) {
      const vehicleId = idOf(n);
      const place = { lat: 48, lon: 11 };
      if (n % 4 === 0) {
        const event = { id: idOf(n), vehicleId, type: 'offline', at: at.toISOString(), ...place } as const;
        bus.publish('crew-event.recorded', {
          event: { ...event, averageKmh: 0, requestId: null, minutesLeft: null, late: false },
          recordedAtMs: at.getTime(),
        });
      } else if (n % 4 === 1) {
        const crash = { id: idOf(n), vehicleId, reportedAt: at, ...place };
        bus.publish('crash.recorded', { crash: { ...crash, speedMps: null, headingDeg: null } });
      } else {
        const vehicle = { id: vehicleId, callSign: `V${n}`, registration: `V${n}`, type: 'als' } as const;
        bus.publish('vehicle.changed', {
          vehicle: {
            ...vehicle,
            ...{ status: 'available', statusAt: at, createdAt: at, updatedAt: at },
            ...{ boxCode: null, lastPosition: null },
          },
          version: 1,
          isArchived: n % 4 === 3,
          clockBehindSince: null,
        });
      }
    }
  }

  it('reach each of 50 watchers: none resyncs, none loses', async () => {
    const { deviceToken } = await newVehicle(service, token);
    const watchers = await Promise.all(
      Array.from({ length: WATCHERS }, async (_, n) => {
        const raw = new RawWebSocket({ port: service.service.socketPort });
        const seen = { raw, isWatching: false, resyncs: 0, ids: new Set<string>(), positions: 0 };
        raw.onText = (text: string) => {
          if (text.startsWith('0')) raw.sendText(`40/live,${JSON.stringify({ token })}`);
          // Every second one has a box, so that its frames are not those of the others.
          else if (text.startsWith('40/live,'))
            raw.sendText(`42/live,1["watch",${n % 2 === 0 ? '{}' : '{"bbox":"10,40,20,50"}'}]`);
          else if (text.startsWith('43/live,1')) seen.isWatching = true;
          else if (text.startsWith('42/live,["resync"')) seen.resyncs += 1;
          else if (text.startsWith('42/live,["positions"'))
            seen.positions += text.split('"late":').length - 1;
          else for (const [id] of text.matchAll(/0{16}[0-9a-f]{8}/g)) seen.ids.add(id);
        };
        await until(() => seen.isWatching, 'the answer to watch');
        return seen;
      }),
    );
    try {
      publishAll(service.service.app.get(EventBus));
      await report(deviceToken, ...Array.from({ length: 500 }, (_, n) => fix(n)));
      // A watcher with a box gets events that have a place inside it, and none of the vehicles that it never saw.
      const wanted = (n: number) => (n % 2 === 0 ? COUNT : COUNT / 2);
      await until(
        () =>
          watchers.some(({ resyncs }) => resyncs > 0) ||
          watchers.every(({ ids, positions }, n) => ids.size >= wanted(n) && positions >= 500),
        'all events',
      );
      expect(watchers.filter(({ resyncs }) => resyncs > 0)).toEqual([]);
      expect(watchers.map(({ ids }) => ids.size)).toEqual(watchers.map((_, n) => wanted(n)));
    } finally {
      for (const { raw } of watchers) raw.cut();
    }
  });
});

describe('events of a vehicle', () => {
  const statusOf = ({ event, body }: Seen['events'][number]) =>
    event === 'vehicle' ? (body as { vehicle: { status: string } }).vehicle.status : event;

  it('are sent to its subscribers, also after a reconnect: a new status, and left when it is archived', async () => {
    const [one, other] = [await newVehicle(service, token), await newVehicle(service, token)];
    const seen = await watch({ vehicleIds: [one.vehicleId] });
    const away = await watch({ vehicleIds: [one.vehicleId] });
    away.socket.close();
    const change = (vehicleId: string, status: string) =>
      call(service, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body: { status } });
    await change(other.vehicleId, 'dispatched');
    await change(one.vehicleId, 'dispatched');
    await until(() => seen.events.length === 1);
    expect(seen.events).toMatchObject([
      {
        event: 'vehicle',
        body: { cursor: expect.any(String), vehicle: { id: one.vehicleId, status: 'dispatched' } },
      },
    ]);

    const back = await watch({ vehicleIds: [one.vehicleId], since: away.cursor });
    await until(() => back.events.length === 1);
    await call(service, 'DELETE', `/api/v1/vehicles/${one.vehicleId}`, { token });
    await until(() => seen.events.length === 2 && back.events.length === 2);
    expect([seen.events.map(statusOf), back.events.map(statusOf)]).toEqual([
      ['dispatched', 'left'],
      ['dispatched', 'left'],
    ]);
  });
});

describe('a token that expires', () => {
  it('is announced, can be replaced by another one of the same user, and otherwise ends the connection', async () => {
    const short = await service.another({ ACCESS_TOKEN_TTL_S: '4' });
    const renewed = await adminToken(service);
    const shortToken = await adminToken(short);
    const staying = openSocket(short.socketUrl, '/live', shortToken);
    const leaving = openSocket(short.socketUrl, '/live', shortToken);
    open.push(staying, leaving);
    const notices: unknown[] = [];
    staying.on('auth.expiring', (notice) => notices.push(notice));
    const end = new Promise((resolve) => leaving.once('disconnect', resolve));
    await Promise.all([whenConnected(staying), whenConnected(leaving)]);
    await until(() => notices.length > 0);
    expect(notices).toEqual([{ inS: expect.any(Number) }]);
    expect(await ask(staying, 'authenticate', { token: 'noise' })).toMatchObject({
      error: { code: 'auth/token-invalid' },
    });
    expect(await ask(staying, 'authenticate', { token: renewed })).toEqual({
      expiresInS: expect.any(Number),
    });
    expect(await end).toBe('transport close');
    expect(staying.connected).toBe(true);
    await expect(connectSocket(short.socketUrl, '/live', shortToken)).rejects.toMatchObject({
      data: { code: 'auth/token-expired' },
    });
    await short.stop();
  });
});
