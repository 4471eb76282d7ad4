import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { connect } from 'node:net';
import { RawWebSocket } from '../../bench/raw-websocket.mjs';
import { SocketPort } from '../../src/gateway/index.js';
import { DrainService } from '../../src/deployment/index.js';
import { liveBytes } from '../support/heap-guard.js';
import { adminToken, newVehicle } from '../support/http.js';
import { type Bytes, exchange, requestBytes } from '../support/raw-http.js';
import { until } from '../support/sockets.js';
import { JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';
import { ProcessMonitor } from '../support/process-monitor.js';

let service: TestService;
let admin: string;
let device: { vehicleId: string; deviceToken: string };
let processMonitor: ProcessMonitor;
beforeAll(async () => {
  service = await startTestService();
  processMonitor = new ProcessMonitor();
  admin = await adminToken(service);
  device = await newVehicle(service, admin);
});
afterAll(async () => {
  processMonitor.end();
  await service.stop();
});

const opened: RawWebSocket[] = [];
afterEach(() => opened.splice(0).forEach((socket) => socket.cut()));

const MB = 1_000_000;
const port = (): number => service.service.socketPort;
const io = () => service.service.app.get(SocketPort).io;

/** After the Engine.IO handshake, in no namespace. */
async function openTransport(path?: string): Promise<RawWebSocket> {
  const socket = new RawWebSocket({ port: port(), keepTexts: true, ...(path !== undefined && { path }) });
  opened.push(socket);
  if (await socket.opened)
    await until(() => socket.texts.some((text) => text.startsWith('0')) || socket.isClosed);
  return socket;
}

async function join(namespace: '/devices' | '/live'): Promise<RawWebSocket> {
  const socket = await openTransport();
  const token = namespace === '/devices' ? device.deviceToken : admin;
  socket.sendText(`40${namespace},${JSON.stringify({ token })}`);
  await until(() => socket.texts.some((text) => text.startsWith(`40${namespace},`)), namespace);
  return socket;
}

const jwt = (claims: Record<string, unknown>, alg = 'HS256'): string => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${part({ alg, typ: 'JWT' })}.${part({ iss: 'samserver', sid: 'y', sub: 'x', role: 'admin', ...claims })}`;
  return `${head}.${alg === 'none' ? '' : createHmac('sha256', JWT_SECRET).update(head).digest('base64url')}`;
};
const deep = (levels = 50_000): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const fixes = (count: number): string =>
  `[${Array.from({ length: count }, () => '{"lat":1,"lon":1,"time":"2026-01-01T00:00:00Z"}').join()}]`;

/** `open`: the message has no effect, and the connection stays open. */
type Outcome =
  'closed' | 'open' | { readonly refused: string } | { readonly answer: Record<string, unknown> };
interface Case {
  readonly name: string;
  readonly send: (socket: RawWebSocket) => void;
  readonly outcome: Outcome;
}
const text = (name: string, make: string | (() => string), outcome: Outcome): Case => ({
  name,
  send: (socket) => socket.sendText(typeof make === 'string' ? make : make()),
  outcome,
});
const invalid: Outcome = { answer: { error: { code: 'input/invalid' } } };
const notJson: Outcome = { answer: { error: { code: 'input/not-json' } } };
const unknownEvent: Outcome = { answer: { error: { code: 'input/unknown-event' } } };
const rejected = (code: string): Outcome => ({
  answer: { results: [{ index: 0, verdict: 'rejected', code }] },
});

const FRAMES: readonly Case[] = [
  text('noise', 'zzz', 'closed'),
  text('an empty message', '', 'closed'),
  text('a ping, which only the server may send', '2', 'closed'),
  text('an unexpected pong', '3', 'open'),
  text('a close packet of Engine.IO, without a close', '1', 'open'),
  text('an open packet', '0{"sid":"x"}', 'open'),
  text('an unknown packet type', '49', 'closed'),
  text('an event before any namespace', '42/devices,["position",{}]', 'closed'),
  text('an acknowledgement before any namespace', '43/devices,1[]', 'closed'),
  text("the old server's namespace", '40', 'open'),
  text(
    'binary attachments that never arrive',
    '451-/devices,["position",{"_placeholder":true,"num":0}]',
    'closed',
  ),
  text('ten million attachments', '4510000000-["x"]', 'closed'),
  text('attachments without a number', '45-["x"]', 'closed'),
  text('base64 of a binary message', 'bAAAA', 'closed'),
  {
    name: 'a binary message',
    send: (socket) => socket.sendBinary(Buffer.from([4, 1, 2, 3])),
    outcome: 'closed',
  },
  { name: '3 MB of text', send: (socket) => socket.sendText(`4${'x'.repeat(3 * MB)}`), outcome: 'closed' },
  {
    name: 'a frame with a length of exabytes',
    send: (socket) =>
      socket.sendBytes(Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])),
    outcome: 'closed',
  },
  {
    name: 'an unmasked frame',
    send: (socket) => socket.sendFrame(1, Buffer.from('2'), { isMasked: false }),
    outcome: 'closed',
  },
  {
    name: 'an unknown opcode',
    send: (socket) => socket.sendFrame(3, Buffer.from('2')),
    outcome: 'closed',
  },
  {
    name: 'reserved bits',
    send: (socket) => socket.sendBytes(Buffer.from([0xf1, 0x80, 0, 0, 0, 0])),
    outcome: 'closed',
  },
  {
    name: 'a continuation without a first frame',
    send: (socket) => socket.sendFrame(0, Buffer.from('x')),
    outcome: 'closed',
  },
  {
    name: 'text that is not valid UTF-8',
    send: (socket) => socket.sendFrame(1, Buffer.from([0x34, 0xff, 0xfe])),
    outcome: 'closed',
  },
  {
    name: 'a control frame that is too long',
    send: (socket) => socket.sendFrame(9, Buffer.alloc(200)),
    outcome: 'closed',
  },
  {
    name: 'HTTP after the handshake',
    send: (socket) => socket.sendBytes('GET / HTTP/1.1\r\n\r\n'),
    outcome: 'closed',
  },
  {
    name: '20,000 fragments of one message',
    send: (socket) => {
      socket.sendFrame(1, Buffer.from('4'), { isFinal: false });
      for (let n = 0; n < 20_000; n += 1) socket.sendFrame(0, Buffer.from('x'), { isFinal: false });
      socket.sendFrame(0, Buffer.from('x'));
    },
    outcome: 'closed',
  },
];

const JOINING: readonly Case[] = [
  text('an unknown namespace', '40/nothing,{}', 'closed'),
  text('the namespace __proto__', '40/__proto__,{}', 'closed'),
  text('a namespace with ..', '40/devices/../live,{}', 'closed'),
  text('a namespace of 1 MB', () => `40/${'x'.repeat(MB)},{}`, 'closed'),
  text('no token', '40/devices,', { refused: 'auth/token-missing' }),
  text('an empty token', '40/devices,{"token":""}', { refused: 'auth/token-missing' }),
  text('a token that is an object', '40/devices,{"token":{"$ne":null}}', { refused: 'auth/token-missing' }),
  text('a token in an array', () => `40/devices,{"token":["${device.deviceToken}"]}`, {
    refused: 'auth/token-missing',
  }),
  text('a token in __proto__', () => `40/devices,{"__proto__":{"token":"${device.deviceToken}"}}`, {
    refused: 'auth/token-missing',
  }),
  text('a token of 1 MB', () => `40/devices,{"token":"${'x'.repeat(MB)}"}`, 'closed'),
  text('a token of 60 kB', () => `40/devices,{"token":"${'x'.repeat(60_000)}"}`, {
    refused: 'auth/token-missing',
  }),
  text('9,000 levels beside no token', () => `40/devices,{"x":${deep(9_000)}}`, {
    refused: 'auth/token-missing',
  }),
  text('50,000 levels beside no token', () => `40/devices,{"x":${deep()}}`, 'closed'),
  text('a token with NUL', '40/devices,{"token":"a\\u0000"}', { refused: 'auth/token-invalid' }),
  text(
    "a device's token with another secret",
    () => `40/devices,{"token":"${device.deviceToken.slice(0, -4)}AAAA"}`,
    { refused: 'auth/token-invalid' },
  ),
  text("a user's token for a device", () => `40/devices,{"token":"${admin}"}`, {
    refused: 'auth/token-invalid',
  }),
  text("a device's token for a subscriber", () => `40/live,{"token":"${device.deviceToken}"}`, {
    refused: 'auth/token-invalid',
  }),
  text('alg none', () => `40/live,{"token":"${jwt({ exp: 4e9 }, 'none')}"}`, {
    refused: 'auth/token-invalid',
  }),
  text('an expired token', () => `40/live,{"token":"${jwt({ exp: 1e9 })}"}`, {
    refused: 'auth/token-expired',
  }),
  text('an array as auth', '40/devices,["token"]', 'closed'),
  text('a number as auth', '40/devices,5', { refused: 'auth/token-missing' }),
  text('auth that is no JSON', '40/devices,{"token":', 'closed'),
  {
    name: 'the same namespace 1,000 times at once',
    send: (socket) => {
      for (let n = 0; n < 1_000; n += 1)
        socket.sendText(`40/devices,${JSON.stringify({ token: device.deviceToken })}`);
    },
    outcome: 'closed',
  },
  {
    name: '10,000 namespaces',
    send: (socket) => {
      for (let n = 0; n < 10_000; n += 1) socket.sendText(`40/n${n},{}`);
    },
    outcome: 'closed',
  },
];

const event = (name: string, args: string | (() => string), outcome: Outcome): Case =>
  text(name, () => `42/devices,7${typeof args === 'string' ? args : args()}`, outcome);

const DEVICE: readonly Case[] = [
  event('10,000 positions', () => `["positions",{"positions":${fixes(10_000)}}]`, invalid),
  event('501 positions, bare', () => `["positions",${fixes(501)}]`, invalid),
  event('no positions', '["positions",[]]', invalid),
  event('null as positions', '["positions",null]', invalid),
  event('an object with a length as positions', '["positions",{"positions":{"length":3}}]', invalid),
  event('a string as positions', '["positions","xxxx"]', invalid),
  event('positions without anything', '["positions"]', invalid),
  event('a position without anything', '["position"]', rejected('invalid_position')),
  event('a position of null', '["position",null]', rejected('invalid_position')),
  event('a position in two arguments', '["position",{"lat":1},{"lon":1}]', rejected('invalid_position')),
  event(
    'a position of 50,000 levels',
    () => `["position",${'['.repeat(50_000)}${']'.repeat(50_000)}]`,
    rejected('invalid_position'),
  ),
  event('a latitude of 50,000 levels', () => `["position",{"lat":${deep()}}]`, rejected('invalid_lat')),
  event(
    'attributes of 50,000 levels',
    () => `["position",{"lat":1,"lon":1,"time":"2026-01-01T00:00:00Z","attributes":${deep()}}]`,
    { answer: { results: [{ dropped: ['attributes'] }] } },
  ),
  event(
    "attributes that play a type of the database's",
    '["position",{"lat":1,"lon":1,"time":"2026-01-01T00:00:00Z","attributes":{"a":{"_bsontype":"x"}}}]',
    { answer: { results: [{ dropped: ['attributes'] }] } },
  ),
  event('a latitude only in __proto__', '["position",{"__proto__":{"lat":1}}]', rejected('invalid_lat')),
  event(
    'a time of 1 MB',
    () => `["position",{"lat":1,"lon":1,"time":"${'2'.repeat(MB)}"}]`,
    rejected('invalid_time'),
  ),
  event(
    'a placeholder without an attachment',
    '["position",{"_placeholder":true,"num":0}]',
    rejected('invalid_lat'),
  ),
  event('a status that is none', '["status",{"status":"__proto__"}]', invalid),
  event('a status without anything', '["status"]', invalid),
  event('a status of null', '["status",null]', invalid),
  event('a status of a number', '["status",5]', invalid),
  event('a status of an array', '["status",[{"status":"available"}]]', invalid),
  event('a status of 50,000 levels', () => `["status",{"status":"available","at":${deep()}}]`, invalid),
  event(
    'a status with 20,000 fields',
    () =>
      `["status",${JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`f${n}`, n])))}]`,
    invalid,
  ),
  event('an event there is not', '["nothing",{}]', unknownEvent),
  event('an event of /live', '["watch",{}]', unknownEvent),
  event('the event __proto__', '["__proto__",{}]', unknownEvent),
  event('the event constructor', '["constructor",{}]', unknownEvent),
  event('the event error', '["error",{}]', unknownEvent),
  event('the event exception', '["exception",{}]', unknownEvent),
  event('an event named 1', '[1,{}]', unknownEvent),
  event('an event with a name of 1 MB', () => `["${'x'.repeat(MB)}"]`, unknownEvent),
  event('the event connect', '["connect"]', 'closed'),
  event('the event disconnect', '["disconnect"]', 'closed'),
  event('the event disconnecting', '["disconnecting"]', 'closed'),
  event('the event newListener', '["newListener","x"]', 'closed'),
  event('an event without a name', '[]', 'closed'),
  event('an event named by an object', '[{"toString":1}]', 'closed'),
  event('an event that is no array', '{"0":"position"}', 'closed'),
  event('half a JSON', '["position",', notJson),
  event('NaN', '["position",{"lat":NaN,"lon":1}]', notJson),
  text('NaN without a request for an acknowledgement', '42/devices,["position",{"lat":NaN}]', 'closed'),
  text('NaN for a namespace that was not joined', '42/live,7["watch",NaN]', 'closed'),
  text('an event without a request for an acknowledgement', '42/devices,["position",{"lat":"x"}]', 'open'),
  text('an acknowledgement of nothing', '43/devices,99[{}]', 'open'),
  text('an acknowledgement of a number without end', `43/devices,${'9'.repeat(400)}[]`, 'open'),
  text('a second CONNECT', () => `40/devices,{"token":"${device.deviceToken}"}`, 'closed'),
  text('a refusal, which only the server may send', '44/devices,{"message":"x"}', 'closed'),
  text('a disconnect from the namespace, with data', '41/devices,"x"', 'closed'),
  text('an event for a namespace that was not joined', '42/live,1["watch",{}]', 'closed'),
  text(
    'an attachment that is announced',
    '451-/devices,7["position",{"_placeholder":true,"num":0}]',
    'closed',
  ),
  {
    name: 'attachments of 2 MB without the last one',
    send: (socket) => {
      socket.sendText('4510-/devices,7["position",1]');
      for (let n = 0; n < 9; n += 1) socket.sendBinary(Buffer.alloc(1_900_000));
    },
    outcome: 'closed',
  },
];

const watch = (name: string, args: string | (() => string), outcome: Outcome): Case =>
  text(name, () => `42/live,7["watch",${typeof args === 'string' ? args : args()}]`, outcome);

const LIVE: readonly Case[] = [
  watch(
    '10,001 vehicles',
    () => `{"vehicleIds":${JSON.stringify(Array.from({ length: 10_001 }, () => device.vehicleId))}}`,
    invalid,
  ),
  watch('vehicles that are no ids', '{"vehicleIds":["__proto__"]}', invalid),
  watch('vehicles that are an object', '{"vehicleIds":{"length":1,"0":"x"}}', invalid),
  watch('vehicles that are operators', '{"vehicleIds":[{"$ne":null}]}', invalid),
  watch('an array in place of a wish', '[]', invalid),
  watch('an array of wishes', '[{"bbox":[0,0,1,1]}]', invalid),
  watch('a number in place of a wish', '5', invalid),
  watch('a string in place of a wish', '"x"', invalid),
  watch('50,000 levels', () => `{"bbox":${deep()}}`, invalid),
  watch('50,000 levels of arrays', () => `{"bbox":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, invalid),
  watch('a box of 1 MB', () => `{"bbox":"${'1'.repeat(MB)}"}`, invalid),
  watch('a box of objects', '{"bbox":[{"toString":1},2,3,4]}', invalid),
  watch('a box of null', '{"bbox":[null,null,null,null]}', invalid),
  watch('a cursor of 1 MB', () => `{"since":"t${'z'.repeat(MB)}"}`, invalid),
  watch('a cursor that is an operator', '{"since":{"$gt":""}}', invalid),
  watch('a field there is not', '{"everything":true}', invalid),
  watch('a cursor before the beginning of time', '{"since":"t0"}', {
    answer: { cursor: expect.any(String) },
  }),
  watch('a cursor at the end of time', '{"since":"tzzzzzzzzz"}', { answer: { cursor: expect.any(String) } }),
  text('watch without anything', '42/live,7["watch"]', { answer: { snapshot: expect.any(Array) } }),
  text('unwatch without a watch', '42/live,7["unwatch",null]', { answer: {} }),
  text('an event of the devices', '42/live,7["position",{}]', unknownEvent),
];

async function expectOutcome(socket: RawWebSocket, outcome: Outcome): Promise<void> {
  if (outcome === 'closed') {
    await until(() => socket.isClosed, 'the end of the connection');
  } else if (outcome === 'open') {
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(socket.isClosed).toBe(false);
  } else if ('refused' in outcome) {
    await until(() => socket.texts.some((each) => each.startsWith('44')), 'the refusal');
    const [, words = '{}'] = /^44\/[^,]*,(.*)$/s.exec(socket.texts.at(-1) ?? '') ?? [];
    const { message, data } = JSON.parse(words) as { message: string; data?: { code: string } };
    expect(data?.code ?? message).toBe(outcome.refused);
  } else {
    const isAnswer = (each: string): boolean => /^43\/(devices|live),7\[/.test(each);
    await until(() => socket.texts.some(isAnswer), 'the acknowledgement');
    const answer = socket.texts.find(isAnswer) ?? '';
    expect(answer.length).toBeLessThan(20_000);
    expect(JSON.parse(answer.slice(answer.indexOf('['))) as unknown).toMatchObject([outcome.answer]);
    expect(socket.isClosed).toBe(false);
  }
}

describe.each([
  ['a transport', FRAMES, openTransport],
  ['joining', JOINING, openTransport],
  ['a device', DEVICE, () => join('/devices')],
  ['a subscriber', LIVE, () => join('/live')],
] as const)('%s', (_client, cases, begin) => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', async (_name, each) => {
    const socket = await begin();
    each.send(socket);
    await expectOutcome(socket, each.outcome);
    socket.cut();
    await processMonitor.expectHealthy(service, device.deviceToken);
  });
});

const ENGINE = '/socket.io/?EIO=4&transport=polling';
const handshake = async (): Promise<string> => {
  const answer = await exchange(port(), requestBytes({ path: ENGINE }));
  return /"sid":"([^"]+)"/.exec(String(answer.body))?.[1] ?? '';
};

describe('over HTTP', () => {
  it.each<[string, number, () => readonly Bytes[]]>([
    ['an unknown path', 404, () => requestBytes({ path: '/nothing' })],
    [
      'the previous protocol version',
      400,
      () => requestBytes({ path: '/socket.io/?EIO=3&transport=polling' }),
    ],
    ['no protocol version', 400, () => requestBytes({ path: '/socket.io/?transport=polling' })],
    ['an unknown transport', 400, () => requestBytes({ path: '/socket.io/?EIO=4&transport=__proto__' })],
    [
      'a transport twice',
      200,
      () => requestBytes({ path: '/socket.io/?EIO=4&transport=polling&transport=polling' }),
    ],
    ['an unknown session', 400, () => requestBytes({ path: `${ENGINE}&sid=unknown` })],
    ['the session __proto__', 400, () => requestBytes({ path: `${ENGINE}&sid=__proto__` })],
    ['the session constructor', 400, () => requestBytes({ path: `${ENGINE}&sid=constructor` })],
    ['two sessions', 400, () => requestBytes({ path: `${ENGINE}&sid=a&sid=b` })],
    ['a session of 10,000 letters', 400, () => requestBytes({ path: `${ENGINE}&sid=${'a'.repeat(10_000)}` })],
    ['a handshake by POST', 400, () => requestBytes({ method: 'POST', path: ENGINE, body: '40' })],
    ['DELETE', 400, () => requestBytes({ method: 'DELETE', path: ENGINE })],
    ['a path with ..', 400, () => requestBytes({ path: '/socket.io/../../etc/passwd' })],
    [
      'a websocket without a key',
      400,
      () =>
        requestBytes({
          path: '/socket.io/?EIO=4&transport=websocket',
          headers: { Connection: 'Upgrade', Upgrade: 'websocket' },
        }),
    ],
    [
      'a websocket of an unknown session',
      400,
      () =>
        requestBytes({
          path: '/socket.io/?EIO=4&transport=websocket&sid=x',
          headers: {
            Connection: 'Upgrade',
            Upgrade: 'websocket',
            'Sec-WebSocket-Version': '13',
            'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
          },
        }),
    ],
    [
      'an upgrade to another protocol',
      400,
      () =>
        requestBytes({
          path: '/socket.io/?EIO=4&transport=websocket',
          headers: { Connection: 'Upgrade', Upgrade: 'h2c' },
        }),
    ],
    ['garbage', 400, () => [Buffer.from([0, 255, 13, 10, 13, 10])]],
    ['a header of 1 MB', 431, () => [`GET ${ENGINE} HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(MB)}\r\n\r\n`]],
  ])('%s: %i', async (_name, status, make) => {
    const answer = await exchange(port(), make());
    expect(answer).toMatchObject({ status, isClosed: true });
    await processMonitor.expectHealthy(service, device.deviceToken);
  });

  it.each<[string, number, Bytes, Record<string, string>]>([
    ['3 MB', 413, 'x'.repeat(3 * MB), { 'Content-Type': 'text/plain;charset=UTF-8' }],
    ['noise', 200, 'zzz', { 'Content-Type': 'text/plain;charset=UTF-8' }],
    ['bytes', 400, Buffer.from([1, 2, 3]), { 'Content-Type': 'application/octet-stream' }],
    ['100,000 packets', 413, '40/x,\x1e'.repeat(100_000), { 'Content-Type': 'text/plain;charset=UTF-8' }],
  ])('posted to a session: %s is refused or ends it', async (_name, status, body, headers) => {
    const sid = await handshake();
    const answer = await exchange(
      port(),
      requestBytes({ method: 'POST', path: `${ENGINE}&sid=${sid}`, body, headers }),
    );
    expect(answer.status === null || answer.status === status).toBe(true);
    // A session that stays open would answer the poll late.
    if (answer.status !== 413) {
      const after = await exchange(port(), requestBytes({ path: `${ENGINE}&sid=${sid}` }));
      expect(after.status === 400 || String(after.body).split('\x1e').includes('1')).toBe(true);
    }
    await processMonitor.expectHealthy(service, device.deviceToken);
  });

  it('two polls at a time end the session', async () => {
    const sid = await handshake();
    const poll = (): Promise<{ status: number | null }> =>
      exchange(port(), requestBytes({ path: `${ENGINE}&sid=${sid}` }));
    const [first, second] = await Promise.all([poll(), poll()]);
    expect([first.status, second.status]).toContain(400);
    await processMonitor.expectHealthy(service, device.deviceToken);
  });
});

describe('clients that disconnect or wait', () => {
  const clients = (): number => (io().engine as unknown as { clientsCount: number }).clientsCount;

  it('a reset at any moment of a handshake has no effect on other clients', async () => {
    const before = clients();
    const upgrade = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`;
    for (const path of [
      '/nothing',
      '/socket.io/?EIO=4&transport=websocket',
      '/socket.io/?EIO=9&transport=websocket',
    ]) {
      for (let delayMs = 0; delayMs < 20; delayMs += 1) {
        const socket = connect(port(), '127.0.0.1');
        socket.on('error', () => undefined);
        await new Promise<void>((resolve) => socket.write(upgrade(path), () => resolve()));
        await new Promise((resolve) => setTimeout(resolve, delayMs % 5));
        socket.resetAndDestroy();
      }
    }
    await until(() => clients() <= before);
    await processMonitor.expectHealthy(service, device.deviceToken);
  });

  it('the errors of the socket port have the same format as those of the HTTP port', async () => {
    const other = await service.another();
    await other.service.app.get(DrainService).beginDrain();
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    const asked = (path: string, headers: Record<string, string> = {}) =>
      exchange(
        other.service.socketPort,
        requestBytes({ path, headers: { 'X-Request-Id': 'mine', ...headers } }),
      );
    const polling = '/socket.io/?EIO=4&transport=polling';
    const answers = [
      await asked('/nothing'),
      await asked(polling),
      await asked(polling.replace('polling', 'websocket'), upgrade),
    ];
    for (const [index, code] of ['http/not-found', 'sockets/not-ready', 'sockets/not-ready'].entries()) {
      const status = code === 'http/not-found' ? 404 : 503;
      expect(answers[index]).toMatchObject({ status, isClosed: true });
      expect(answers[index]?.body).toEqual({
        type: `urn:samserver:problem:${code}`,
        title: expect.any(String),
        status,
        detail: expect.stringMatching(/\w/),
        code,
        requestId: 'mine',
      });
      for (const header of [
        /^content-type: application\/problem\+json/im,
        /^x-request-id: mine$/im,
        /^x-release: /im,
      ])
        expect(answers[index]?.head).toMatch(header);
      if (status === 503) expect(answers[index]?.head).toMatch(/^retry-after: 2$/im);
    }
    await other.stop();
  });

  it('a session that this instance does not have is 404 for a proxy that asks for it, so that it repeats the request', async () => {
    const upgrade = { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13' };
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number | null> =>
      (await exchange(port(), requestBytes({ path, headers }))).status;
    const asked = { 'X-Unknown-Session': '404' };
    const session = `${ENGINE}&sid=${await handshake()}`;
    for (const sid of ['gone', 'toString']) {
      const path = `${ENGINE}&sid=${sid}`;
      expect(await statusOf(path)).toBe(400);
      expect(await statusOf(path, asked)).toBe(404);
      expect(await statusOf(path.replace('polling', 'websocket'), { ...asked, ...upgrade })).toBe(404);
    }
    expect(await statusOf(ENGINE, asked)).toBe(200);
    const joined = requestBytes({ method: 'POST', path: session, headers: asked, body: '40/devices,{}' });
    expect((await exchange(port(), joined)).status).toBe(200);
    expect(await statusOf(session, asked)).toBe(200);
  });

  it('a reset of a connection that a draining instance refuses has no effect on other clients', async () => {
    const other = await service.another();
    await other.service.app.get(DrainService).beginDrain();
    for (const path of [
      '/socket.io/?EIO=4&transport=websocket',
      '/socket.io/?EIO=4&transport=websocket&sid=',
      '/socket.io/?EIO=4&transport=websocket&%73id=x',
    ]) {
      const refused = new RawWebSocket({ port: other.service.socketPort, path });
      expect(await refused.opened).toBe(false);
      expect(refused.status === 503 || refused.status === 400).toBe(true);
      for (let n = 0; n < 20; n += 1) {
        const socket = new RawWebSocket({ port: other.service.socketPort, path });
        await new Promise((resolve) => setTimeout(resolve, n % 4));
        socket.cut();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    await processMonitor.expectHealthy(service, device.deviceToken);
    await other.stop();
  });

  it('a connection that joins no namespace is closed after 10 s, and so is one with an incomplete request', async () => {
    expect(io().connectTimeout()).toBe(10_000);
    const { httpServer } = io() as unknown as { httpServer: { headersTimeout: number } };
    const { headersTimeout } = httpServer;
    // Short time-outs for the test.
    io().connectTimeout(500);
    httpServer.headersTimeout = 500;
    const silent = await openTransport();
    const refused = await openTransport();
    refused.sendText('40/devices,{}');
    const half = connect(port(), '127.0.0.1');
    half.on('error', () => undefined);
    half.write('GET /socket.io/?EIO=4');
    const halfClosed = new Promise((resolve) => half.on('close', resolve));
    half.resume();
    await until(() => silent.isClosed && refused.isClosed, 'the silent connections to be closed');
    await halfClosed;
    io().connectTimeout(10_000);
    httpServer.headersTimeout = headersTimeout;
    await processMonitor.expectHealthy(service, device.deviceToken);
  });

  it('a half-open connection is closed when it does not answer a ping', async () => {
    const { opts } = io().engine as unknown as { opts: { pingInterval: number; pingTimeout: number } };
    const { pingInterval, pingTimeout } = opts;
    Object.assign(opts, { pingInterval: 200, pingTimeout: 200 });
    try {
      const socket = await join('/devices');
      await until(() => socket.isClosed, 'the end of the half-open connection');
    } finally {
      Object.assign(opts, { pingInterval, pingTimeout });
    }
    await processMonitor.expectHealthy(service, device.deviceToken);
  });
});

describe('memory', () => {
  it('does not grow when large messages are repeated and connections are cut', async () => {
    const large = [...FRAMES, ...JOINING, ...DEVICE, ...LIVE].filter(({ name }) =>
      /MB|50,000|10,000|1,000|20,000|attachment/.test(name),
    );
    expect(large.length).toBeGreaterThan(12);
    const rounds = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 1) {
        for (const { send } of large) {
          const socket = await (DEVICE.some((each) => each.send === send)
            ? join('/devices')
            : openTransport());
          send(socket);
          await Promise.race([socket.closed, new Promise((resolve) => setTimeout(resolve, 15))]);
          opened.splice(0).forEach((each) => each.cut());
          await socket.closed;
        }
      }
    };
    await rounds(3);
    const before = liveBytes();
    await rounds(10);
    await processMonitor.expectHealthy(service, device.deviceToken);
    await until(() => io().of('/devices').sockets.size === 0);
    const grownBytes = liveBytes() - before;
    console.info(`${10 * large.length} large conversations: ${(grownBytes / MB).toFixed(1)} MB more alive`);
    expect(grownBytes).toBeLessThan(15 * MB);
  });
});
