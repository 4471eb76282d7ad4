import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connect } from 'node:net';
import { io as connectClient, type Socket } from 'socket.io-client';
import { RawWebSocket } from '../../bench/raw-websocket.mjs';
import { InFlightBytes, PinoLogger } from '../../src/core/index.js';
import { SocketPort } from '../../src/gateway/index.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, newVehicle } from '../support/http.js';
import { type Bytes, exchange, type RawAnswer, requestBytes } from '../support/raw-http.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

const POLLING = '/socket.io/?EIO=4&transport=polling';
const WEBSOCKET = '/socket.io/?EIO=4&transport=websocket';

let service: TestService;
/** With smaller limits. */
let narrow: Instance;
let admin: string;
let device: { vehicleId: string; deviceToken: string };
beforeAll(async () => {
  limitJobIntervals(100);
  service = await startTestService({
    OPS_TOKEN,
    TRUST_PROXY: '127.0.0.1',
    SOCKET_EVENTS_PER_S: '3000',
    SOCKET_MAX_UNSENT_BYTES_ANONYMOUS: '100000',
    SOCKET_MAX_UNSENT_BYTES_TOTAL: '20000000',
    SOCKET_WRITE_TIMEOUT_S: '3',
    IN_FLIGHT_MAX_BYTES_PER_CALLER: '2000000',
  });
  admin = await adminToken(service);
  device = await newVehicle(service, admin);
  narrow = await service.another({
    SOCKET_MAX_UNSENT_ACKS: '50',
    SOCKET_MAX_UNJOINED: '20',
    SOCKET_MAX_UNJOINED_PER_ADDRESS: '10',
    SOCKET_MAX_PER_CALLER: '3',
  });
});
afterAll(async () => {
  await narrow.stop();
  await service.stop();
});

const opened: { destroy(): unknown }[] = [];
let lastPlace = 0;
/** A new IP address on each call. */
const newPlace = (): Record<string, string> => ({ 'X-Forwarded-For': `198.51.100.${(lastPlace += 1)}` });
/** The address of this test. */
let place = newPlace();
afterEach(async () => {
  opened.splice(0).forEach((each) => each.destroy());
  jest.restoreAllMocks();
  place = newPlace();
  await until(() => held() === 0, 'all bytes to be released');
});

const io = () => service.service.app.get(SocketPort).io;
const held = (): number => service.service.app.get(InFlightBytes).heldBytes;
const refusals = async (reason: string): Promise<number> =>
  (await Scrape.of(service)).value('samserver_socket_refusals_total', { reason }) ?? NaN;

/** Expects refusals of this reason by the action: counted, and logged in one line. */
async function expectRefusal(reason: string, fields: object, action: () => Promise<unknown>): Promise<void> {
  const warn = jest.spyOn(PinoLogger.prototype, 'warn').mockImplementation(() => undefined);
  const before = await refusals(reason);
  await action();
  expect(await refusals(reason)).toBeGreaterThan(before);
  const lines = warn.mock.calls.map(([line]) => line as Record<string, unknown>);
  expect(lines.filter((line) => line['reason'] === reason)).toEqual([expect.objectContaining(fields)]);
}

async function openWebSocket(headers = place): Promise<RawWebSocket> {
  const socket = new RawWebSocket({
    port: service.service.socketPort,
    path: WEBSOCKET,
    keepTexts: true,
    headers,
  });
  opened.push({ destroy: () => socket.cut() });
  if (await socket.opened) await until(() => socket.texts.length > 0 || socket.isClosed, 'the open packet');
  return socket;
}

async function joinWebSocket(namespace: string, token?: string, headers = place): Promise<RawWebSocket> {
  const socket = await openWebSocket(headers);
  const name = namespace === '/' ? '' : `${namespace},`;
  socket.sendText(`40${name}${token === undefined ? '' : JSON.stringify({ token })}`);
  await until(() => socket.texts.some((text) => text.startsWith('40')) || socket.isClosed, 'the namespace');
  return socket;
}

/** A polling session. */
class Session {
  private constructor(
    readonly path: string,
    private readonly port: number,
  ) {}

  static async open(namespace?: string, token?: string, instance: Instance = service): Promise<Session> {
    const { socketPort } = instance.service;
    const { body } = await get(POLLING, socketPort);
    const sid = /"sid":"([^"]+)"/.exec(String(body))?.[1] ?? '';
    const session = new Session(`${POLLING}&sid=${sid}`, socketPort);
    if (namespace === undefined) return session;
    const name = namespace === '/' ? '' : `${namespace},`;
    await session.post(`40${name}${token === undefined ? '' : JSON.stringify({ token })}`);
    expect(String((await session.poll()).body)).toMatch(/^40/);
    return session;
  }

  post(body: Bytes): Promise<RawAnswer> {
    const headers = { 'Content-Type': 'text/plain;charset=UTF-8', ...place };
    return exchange(this.port, requestBytes({ method: 'POST', path: this.path, body, headers }));
  }

  poll(): Promise<RawAnswer> {
    return get(this.path, this.port);
  }
}

const get = (path: string, port = service.service.socketPort): Promise<RawAnswer> =>
  exchange(port, requestBytes({ path, headers: place }));

/** A text frame of less than 126 bytes. */
const frame = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)]);
const many = (packet: string, count: number): string => Array<string>(count).fill(packet).join('\x1e');
let second = 0;
const fix = () => ({
  lat: 48,
  lon: 11 + (second += 1) * 1e-5,
  time: new Date(Date.now() - 3_600_000 + second * 100).toISOString(),
});

describe('a polling body with too many packets is not parsed, and its session ends:', () => {
  it.each([
    ['of a device', '/devices', () => device.deviceToken, '42/devices,1["position",{}]'],
    ['of a device, without acknowledgements', '/devices', () => device.deviceToken, '42/devices,["x"]'],
    ['of a subscriber', '/live', () => admin, '42/live,1["watch",{}]'],
  ])('%s', async (_, namespace, token, packet) => {
    const session = await Session.open(namespace, token());
    const handled = jest.fn();
    for (const socket of io().of(namespace).sockets.values()) socket.onAny(handled);
    const before = await refusals('packets');
    await session.post(many(packet, 60_000));
    expect(await refusals('packets')).toBe(before + 1);
    expect(handled).not.toHaveBeenCalled();
    expect((await session.poll()).status).toBe(400);
  });

  it('without a token already by its size, 1.8 MB', async () => {
    const session = await Session.open('/');
    expect((await session.post(many('421["x"]', 200_000))).status ?? 413).toBe(413);
  });
});

describe('events', () => {
  const count = 1_500;
  it.each(['websocket', 'polling'] as const)(
    `a device that emits a backlog of ${count} single positions at once by %s loses none and stays connected`,
    async (transport) => {
      const socket = connectClient(`${service.socketUrl}/devices`, {
        transports: [transport],
        forceNew: true,
        reconnection: false,
        auth: { token: device.deviceToken },
      });
      opened.push({ destroy: () => socket.close() });
      const endings: string[] = [];
      socket.on('disconnect', (reason) => endings.push(reason));
      const answers = await Promise.all(Array.from({ length: count }, () => ask(socket, 'position', fix())));
      // On a slow machine the service answers some with the time to send them again.
      expect(answers.filter(({ stored, error }) => stored !== 1 && !(error?.retryAfterMs > 0))).toEqual([]);
      expect(endings).toEqual([]);
    },
  );

  it.each([
    ['without a token', '/', () => undefined, '42["room_leave","x"]'],
    ['of a device', '/devices', () => device.deviceToken, '42/devices,["position",1]'],
    ['of a subscriber', '/live', () => admin, '42/live,1["watch",{}]'],
  ])(
    'a flood %s of small ones in one TCP segment ends the connection',
    async (_, namespace, token, packet) => {
      const socket = await joinWebSocket(namespace, token());
      await expectRefusal('events', {}, async () => {
        socket.sendBytes(Buffer.concat(Array<Buffer>(100_000).fill(frame(packet))));
        await until(() => socket.isClosed, 'the end of the connection');
      });
    },
  );

  it('WebSocket pings count: ws answers each of them', async () => {
    const socket = await openWebSocket();
    for (let n = 0; n < 20_000; n += 1) socket.sendFrame(9, Buffer.alloc(0));
    await until(() => socket.isClosed, 'the end of the connection');
  });

  it('probes of an upgrade are limited, and leave no interval behind', async () => {
    const started = jest.spyOn(globalThis, 'setInterval');
    const ended = jest.spyOn(globalThis, 'clearInterval');
    const session = await Session.open();
    const upgrade = new RawWebSocket({
      port: service.service.socketPort,
      path: session.path.replace('polling', 'websocket'),
      headers: place,
    });
    opened.push({ destroy: () => upgrade.cut() });
    await upgrade.opened;
    for (let n = 0; n < 20; n += 1) upgrade.sendText('2probe');
    await until(() => upgrade.isClosed, 'the end of the upgrade');
    const intervals = started.mock.results.map(({ value }) => value);
    expect(intervals.length).toBeGreaterThan(0);
    const isEnded = (interval: unknown): boolean => ended.mock.calls.some(([each]) => each === interval);
    await until(() => intervals.every(isEnded), 'the end of the intervals of the upgrade');
    expect((await session.poll()).status).toBe(400);
  });

  it('a message of 2 MB of nested arrays is not parsed', async () => {
    const socket = await joinWebSocket('/devices', device.deviceToken);
    await expectRefusal('json', { vehicleId: device.vehicleId }, async () => {
      socket.sendText(`42/devices,1["position",${'['.repeat(990_000)}${']'.repeat(990_000)}]`);
      await until(() => socket.isClosed, 'the end of the connection');
    });
  });
});

describe('what a client does not take', () => {
  it('closes a device that leaves too many acknowledgements', async () => {
    const session = await Session.open('/devices', device.deviceToken, narrow);
    await session.post(many('42/devices,1["nothing"]', 50));
    await session.post(many('42/devices,1["nothing"]', 2));
    expect((await session.poll()).status).toBe(400);
    const refused = (await Scrape.of(narrow)).value('samserver_socket_refusals_total', { reason: 'unsent' });
    expect(refused).toBe(1);
  });

  it('closes a client without a token at its smaller limit', async () => {
    const session = await Session.open('/');
    for (const socket of io().sockets.sockets.values()) socket.emit('data', 'x'.repeat(110_000));
    await until(async () => (await session.poll()).status === 400, 'the end of the session');
  });

  it('closes a subscriber that does not read from its WebSocket, and counts what it held', async () => {
    const socket = await joinWebSocket('/live', admin);
    socket.socket.pause();
    await fillWith('x'.repeat(1_000_000), 30);
    socket.socket.resume();
    await until(() => socket.isClosed, 'the end of the connection');
    await until(async () => (await Scrape.of(service)).value('samserver_socket_unsent_bytes') === 0);
  });

  it('closes the client with the most when all together leave too much', async () => {
    const small = await joinWebSocket('/devices', device.deviceToken);
    const paused: RawWebSocket[] = [];
    for (let n = 0; n < 3; n += 1) {
      const socket = await joinWebSocket('/live', admin);
      socket.socket.pause();
      paused.push(socket);
    }
    const before = await refusals('unsent');
    await fillWith('x'.repeat(1_000_000), 16);
    expect(await refusals('unsent')).toBeGreaterThan(before);
    expect(small.isClosed).toBe(false);
    expect((await Scrape.of(service)).value('samserver_socket_unsent_bytes')).toBeLessThanOrEqual(20_000_000);
    paused.forEach((socket) => socket.socket.resume());
  });

  it('closes a session that is not polled for the time limit, though it sends', async () => {
    const session = await Session.open('/');
    for (const socket of io().sockets.sockets.values()) socket.emit('data', 'x');
    await expectRefusal('stalled', { address: addressOf(place) }, () =>
      until(async () => (await session.post('3')).status === 400, 'the end of the session'),
    );
  });

  async function fillWith(text: string, times: number): Promise<void> {
    for (let n = 0; n < times; n += 1) {
      for (const socket of io().of('/live').sockets.values()) socket.emit('positions', text);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe('unfinished messages', () => {
  /** The first bytes of a text frame of `length` bytes. */
  const unfinished = (length: number, sent: number): Buffer => {
    const head = Buffer.alloc(14);
    head.writeUInt16BE(0x81ff, 0);
    head.writeBigUInt64BE(BigInt(length), 2);
    return Buffer.concat([head, Buffer.alloc(sent, '4')]);
  };

  const address = '198.51.100.250';

  it.each(['WebSocket frames', 'WebSocket fragments', 'polling bodies'])(
    '%s without a token share the bytes of their address, and the batch of a slow device arrives',
    async (kind) => {
      place = { 'X-Forwarded-For': address };
      const slow = await joinWebSocket('/devices', device.deviceToken);
      const batch = `42/devices,7["positions",[${' '.repeat(1_500_000)}${JSON.stringify(fix())}]]`;
      const frame = Buffer.concat([unfinished(batch.length, 0), Buffer.from(batch)]);
      slow.sendBytes(frame.subarray(0, 1_000_000));
      await until(() => held() >= 950_000, 'the bytes of the device');
      const before = await refusals('in_flight');
      for (let n = 0; n < 60; n += 1) await sendUnfinished(kind);
      await until(async () => (await refusals('in_flight')) > before, 'the first refusal');
      expect(held()).toBeLessThanOrEqual(1_000_000 + 2_000_000 + 100_000);
      slow.sendBytes(frame.subarray(1_000_000));
      await until(() => slow.texts.some((text) => text.startsWith('43/devices,7')), 'the acknowledgement');
    },
  );

  async function sendUnfinished(kind: string): Promise<void> {
    if (kind === 'polling bodies') {
      const { path } = await Session.open();
      const body = connect(service.service.socketPort, '127.0.0.1');
      opened.push(body);
      body.on('error', () => undefined);
      const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\nContent-Length: 60000`;
      body.write(`${head}\r\n\r\n${'4'.repeat(50_000)}`);
      return;
    }
    const socket = await openWebSocket();
    if (kind === 'WebSocket frames') socket.sendBytes(unfinished(60_000, 50_000));
    else socket.sendFrame(1, Buffer.alloc(50_000, '4'), { isFinal: false });
  }

  it('in TCP segments of one byte count with the memory of each segment', async () => {
    const socket = await openWebSocket();
    socket.sendBytes(unfinished(60_000, 0));
    for (let n = 0; n < 500; n += 1) {
      socket.sendBytes('4');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => held() > 5_000, 'the memory of the segments');
  });
});

describe('connections', () => {
  const openTransport = async (headers: Record<string, string>): Promise<RawWebSocket> => {
    const socket = new RawWebSocket({ port: narrow.service.socketPort, headers });
    opened.push({ destroy: () => socket.cut() });
    await socket.opened;
    return socket;
  };

  it('without a namespace have a share for each address; a further handshake gets 503', async () => {
    const sockets: RawWebSocket[] = [];
    for (let n = 0; n < 11; n += 1) sockets.push(await openTransport(place));
    expect(sockets.map(({ status }) => status)).toEqual([...Array<number>(10).fill(101), 503]);
    sockets[0]?.sendText(`40/devices,${JSON.stringify({ token: device.deviceToken })}`);
    await until(async () => (await openTransport(place)).status === 101, 'the place of the one that joined');
  });

  it('without a namespace are limited in all: the oldest is closed', async () => {
    const sockets: RawWebSocket[] = [];
    for (let n = 0; n < 22; n += 1) {
      if (n % 8 === 0) place = newPlace();
      sockets.push(await openTransport(place));
    }
    await until(() => sockets[1]?.isClosed === true, 'the end of the oldest');
    expect(sockets.slice(3).filter(({ isClosed }) => isClosed)).toEqual([]);
  });

  it('of one token are limited', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    const sockets: Socket[] = [];
    for (let n = 0; n < 4; n += 1)
      sockets.push(await connectSocket(narrow.socketUrl, '/devices', deviceToken));
    sockets.forEach((socket) => opened.push({ destroy: () => socket.close() }));
    await until(() => sockets[3]?.connected === false, 'the end of the fourth');
    expect(sockets.map(({ connected }) => connected)).toEqual([true, true, true, false]);
    sockets[0]?.close();
    await until(async () => {
      const next = await connectSocket(narrow.socketUrl, '/devices', deviceToken);
      opened.push({ destroy: () => next.close() });
      return (await ask(next, 'position', fix()).catch(() => null))?.stored === 1;
    }, 'the place of the first');
  });

  it('that leave their last namespace are closed', async () => {
    const socket = await joinWebSocket('/');
    socket.sendText('41');
    await until(() => socket.isClosed, 'the end of the connection');
  });
});

describe('a refusal is counted, and logged in one line a minute:', () => {
  it('an event that does not exist, which is answered on / too', async () => {
    const socket = await joinWebSocket('/');
    await expectRefusal('unknown_event', { address: addressOf(place), event: 'hello' }, async () => {
      for (let n = 0; n < 5; n += 1) socket.sendText(`42${n}["hello",{}]`);
      const answer = `434[{"error":{"code":"input/unknown-event","message":"There is no such event here."}}]`;
      await until(() => socket.texts.includes(answer), 'the answer');
    });
  });

  it('a namespace that does not exist; its transport is closed, so that the client tries again', async () => {
    await expectRefusal('namespace', { address: addressOf(place) }, async () => {
      for (let n = 0; n < 3; n += 1) {
        const socket = await openWebSocket();
        socket.sendText('40/nothing,{}');
        await until(() => socket.isClosed, 'the end of the connection');
        expect(socket.texts.filter((text) => text.startsWith('44'))).toEqual([]);
      }
    });
  });

  it('a token that is not valid', async () => {
    const fields = { address: addressOf(place), namespace: '/devices', code: 'auth/token-invalid' };
    await expectRefusal('token', fields, async () => {
      const socket = await openWebSocket();
      for (let n = 0; n < 2; n += 1) socket.sendText('40/devices,{"token":"wrong"}');
      await until(() => socket.texts.filter((text) => text.startsWith('44')).length === 2, 'the refusals');
    });
  });

  it('a handshake of another protocol version, and a session that has ended', async () => {
    await expectRefusal('protocol', { address: addressOf(place) }, async () => {
      for (let n = 0; n < 3; n += 1) await get('/socket.io/?EIO=3&transport=polling');
    });
    await expectRefusal('unknown_session', { address: addressOf(place) }, () => get(`${POLLING}&sid=gone`));
  });
});

const addressOf = (headers: Record<string, string>): string => headers['X-Forwarded-For'] ?? '';
