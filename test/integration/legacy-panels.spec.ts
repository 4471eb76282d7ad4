import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { adminToken, call, newVehicle } from '../support/http.js';
import { CRASH, newBox, postJson, postRaw, TRACKING } from '../support/old-boxes.js';
import { OldPanel, type PanelClient, type PanelTransport } from '../support/old-panel.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  token = await adminToken(service);
});
afterAll(() => service.stop());

const open: OldPanel[] = [];
const panel = async (
  client?: PanelClient,
  transport?: PanelTransport,
  url = service.socketUrl,
): Promise<OldPanel> => {
  const opened = await OldPanel.open(url, client, transport);
  open.push(opened);
  return opened;
};
afterEach(() => open.splice(0).forEach((each) => each.close()));

const report = (boxCode: string, change: Record<string, unknown> = {}) => ({
  ambulance_id: boxCode,
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '87',
  ...change,
});
const deviceToken = async (vehicleId: string): Promise<string> =>
  (await call(service, 'POST', `/api/v1/vehicles/${vehicleId}/credentials`, { token, body: {} })).body.token;
const fix = (lat: number, agoMs = 0) => ({
  lat,
  lon: 100.5,
  time: new Date(Date.now() - agoMs).toISOString(),
});

describe.each<[PanelClient, PanelTransport]>([
  ['socket.io-client 3', 'websocket'],
  ['socket.io-client 3', 'polling'],
  ['socket.io-client 4', 'websocket'],
  ['socket.io-client 4', 'polling'],
])('a panel of %s by %s', (client, transport) => {
  it('gets a first message, joins a room given in quotes, and gets the announcement of every join', async () => {
    const first = await panel(client, transport);
    expect(first.texts).toEqual([`socket connected id: ${first.socket.id}`]);
    const second = await panel(client, transport);
    await second.join('"tracking"');
    await until(() => first.texts.length === 2);
    expect(first.texts[1]).toBe('room joined: tracking');
  });

  it('gets a position as text: the body unchanged, the speed in km/h, and then the keys of the old server', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const one = await panel(client, transport);
    await one.join('tracking');
    const both = await panel(client, transport);
    await both.join('tracking', vehicleId);
    await postJson(service, TRACKING, report(boxCode, { tracking_heading: 87, extra: { a: [1, 'x'] } }));
    const expected = {
      ambulance_id: boxCode,
      tracking_latitude: '13.7563',
      tracking_longitude: '100.5018',
      tracking_speed: 36,
      tracking_heading: 87,
      extra: { a: [1, 'x'] },
      _id: vehicleId,
      is_assign: 0,
      type: 'TRACKING',
      request_type: '',
      estimated_time: 0,
    };
    expect(await one.frames(1)).toEqual([expected]);
    expect(one.texts.at(-1)).toBe(JSON.stringify(expected));
    // Each room has its own frame, as on the old server: a panel in both rooms gets two.
    expect(await both.frames(2)).toEqual([expected, expected]);
    both.socket.emit('room_leave', vehicleId);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await postJson(service, TRACKING, report(boxCode, { tracking_latitude: 13.7564 }));
    expect(await both.frames(3)).toHaveLength(3);
  });

  it('gets crashes in both rooms', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const oldPanel = await panel(client, transport);
    await oldPanel.join('crash', `CRASH_NOTIFY_${vehicleId}`);
    await postJson(service, CRASH, report(boxCode));
    const { body } = await call(service, 'GET', `/api/v1/crashes?vehicleId=${vehicleId}`, { token });
    expect(await oldPanel.frames(2)).toEqual([
      { ambulance_crashes_id: body.items[0].id, type: 'CRASH_NOTIFY' },
      { ...report(boxCode), tracking_speed: 36, type: 'CRASH' },
    ]);
  });
});

describe('the frames of panels', () => {
  it.each([
    ['missing', undefined, null],
    ['"nan"', 'nan', null],
    ['a number', 13.9, 13.9 * 3.6],
    ['an empty text', '', 0],
    ['null', null, 0],
    ['an object', {}, null],
  ])('have the speed of a body whose speed is %s', async (_, given, shown) => {
    const { vehicleId, boxCode } = await newBox(service);
    const oldPanel = await panel();
    await oldPanel.join(vehicleId);
    await postJson(service, TRACKING, report(boxCode, { tracking_speed: given }));
    const [frame] = await oldPanel.frames(1);
    expect(frame).toHaveProperty('tracking_speed', shown);
  });

  it('keep the text values of a form', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const oldPanel = await panel();
    await oldPanel.join(vehicleId);
    await postRaw(service, TRACKING, new URLSearchParams(report(boxCode)));
    expect(await oldPanel.frames(1)).toMatchObject([
      { tracking_latitude: '13.7563', tracking_heading: '87' },
    ]);
  });

  it('do not exist for quarantined, rejected and late positions', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const oldPanel = await panel();
    await oldPanel.join(vehicleId);
    const device = await connectSocket(service.socketUrl, '/devices', await deviceToken(vehicleId));
    await postJson(service, TRACKING, report(boxCode));
    await postJson(service, TRACKING, report(boxCode, { tracking_latitude: 0, tracking_longitude: 0 }));
    await postJson(service, TRACKING, report(boxCode, { tracking_latitude: 'north' }));
    expect((await ask(device, 'position', fix(13.7563, 60_000))).results).toEqual([
      { index: 0, verdict: 'stored', late: true },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(await oldPanel.frames(1)).toHaveLength(1);
    device.close();
  });

  it('show a device of a vehicle that has a box, in the format of the box, once a second', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const other = await newVehicle(service, token);
    const oldPanel = await panel();
    await oldPanel.join('tracking', vehicleId, other.vehicleId);
    const device = await connectSocket(service.socketUrl, '/devices', await deviceToken(vehicleId));
    const without = await connectSocket(service.socketUrl, '/devices', other.deviceToken);
    await ask(without, 'position', fix(13.7));
    for (let n = 0; n < 5; n += 1) {
      await ask(device, 'position', { ...fix(13.7 + n * 1e-5), ...(n === 4 && { speedMps: 5 }) });
    }
    const expected = {
      ambulance_id: boxCode,
      tracking_latitude: 13.7 + 4e-5,
      tracking_longitude: 100.5,
      tracking_speed: 18,
      tracking_heading: null,
      _id: vehicleId,
      is_assign: 0,
      type: 'TRACKING',
      request_type: '',
      estimated_time: 0,
    };
    expect(await oldPanel.frames(2)).toEqual([expected, expected]);
    device.close();
    without.close();
  });
});

describe('hostile clients', () => {
  it('Engine.IO 3 is refused, as on the old server', async () => {
    const { status, body } = await call(
      { url: service.socketUrl },
      'GET',
      '/socket.io/?EIO=3&transport=polling',
    );
    expect([status, body]).toEqual([400, { code: 5, message: 'Unsupported protocol version' }]);
  });

  it('a page of any host can connect', async () => {
    const { headers } = await call({ url: service.socketUrl }, 'GET', '/socket.io/?EIO=4&transport=polling', {
      headers: { origin: 'http://panel.example.org' },
    });
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  it.each<[string, unknown[]]>([
    ['a name of 60 kB', ['x'.repeat(60_000)]],
    ['a room that does not exist', ['everything']],
    ['the room of another socket', ['<other>']],
    ['a list', [['everything', 'tracking']]],
    ['an object', [{ length: 1 }]],
    ['null', [null]],
    ['nothing', []],
  ])('%s is refused without an announcement', async (_, args) => {
    const [one, other] = [await panel(), await panel()];
    one.socket.emit('room_join', ...args.map((each) => (each === '<other>' ? other.socket.id : each)));
    one.socket.emit('room_leave', ...args);
    await one.join('snap');
    await until(() => other.texts.includes('room joined: snap'));
    expect(one.texts.slice(1)).toEqual(['room joined: snap']);
    expect(other.texts.slice(1)).toEqual(['room joined: snap']);
    expect(one.socket.connected).toBe(true);
  });

  it('900 joins are limited, 10,000 more end their socket, and the other panels are served', async () => {
    const { vehicleId, boxCode } = await newBox(service);
    const [greedy, other] = [await panel(), await panel()];
    await other.join(vehicleId);
    const join = (n: number): unknown => greedy.socket.emit('room_join', n.toString(16).padStart(24, '0'));
    for (let n = 0; n < 900; n += 1) join(n);
    const refused = async (): Promise<number> =>
      (await Scrape.of(service)).value('samserver_legacy_room_joins_total', { outcome: 'too_many' }) ?? 0;
    await until(async () => (await refused()) > 500, 'refused joins');
    for (let n = 0; n < 10_000; n += 1) join(n);
    await until(() => greedy.endings.length > 0, 'the socket to be closed');
    expect(greedy.endings).toEqual(['transport close']);
    expect(other.texts.filter((text) => text.startsWith('room joined: 0')).length).toBeLessThanOrEqual(300);
    await postJson(service, TRACKING, report(boxCode));
    expect(await other.frames(1)).toHaveLength(1);
    expect(other.socket.connected).toBe(true);
  });

  it('a panel cannot send to other panels', async () => {
    const [one, other] = [await panel(), await panel()];
    await other.join('tracking');
    await one.join('tracking');
    for (const event of ['data', 'tracking', 'position', 'room_message', 'error'])
      one.socket.emit(event, JSON.stringify({ type: 'TRACKING', _id: 'forged' }));
    await one.join('crash');
    await until(() => other.texts.includes('room joined: crash'));
    expect(await other.frames(0)).toEqual([]);
  });
});

describe('settings', () => {
  it('LEGACY_ROOMS limits the rooms, LEGACY_MAX_PANELS the number of panels', async () => {
    const narrow = await startTestService({ LEGACY_ROOMS: 'snap', LEGACY_MAX_PANELS: '2' });
    try {
      const { vehicleId, boxCode } = await newBox(narrow);
      const first = await panel('socket.io-client 4', 'websocket', narrow.socketUrl);
      for (const room of ['tracking', vehicleId, 'crash', `CRASH_NOTIFY_${vehicleId}`])
        first.socket.emit('room_join', room);
      await first.join('snap');
      expect(first.texts.slice(1)).toEqual(['room joined: snap']);
      await postJson(narrow, TRACKING, report(boxCode));
      await postJson(narrow, CRASH, report(boxCode));
      expect(await first.frames(0)).toEqual([]);
      await panel('socket.io-client 4', 'websocket', narrow.socketUrl);

      const third = io(narrow.socketUrl, {
        transports: ['websocket'],
        forceNew: true,
        reconnectionDelay: 50,
      });
      let attempts = 0;
      const errors: Error[] = [];
      third.io.on('reconnect_attempt', () => (attempts += 1));
      third.on('connect_error', (error) => errors.push(error));
      await until(() => attempts >= 2, 'two more attempts');
      expect(errors).toEqual([]);
      third.close();
    } finally {
      open.splice(0).forEach((each) => each.close());
      await narrow.stop();
    }
  });

  it('LEGACY_MAX_PANELS_PER_ADDRESS: one address does not take all places', async () => {
    const narrow = await startTestService({
      TRUST_PROXY: '127.0.0.1',
      LEGACY_MAX_PANELS: '4',
      LEGACY_MAX_PANELS_PER_ADDRESS: '3',
    });
    const opened: Socket[] = [];
    const panelOf = async (address: string): Promise<Socket> => {
      const options = { transports: ['websocket'], forceNew: true, reconnection: false };
      const socket = io(narrow.socketUrl, { ...options, extraHeaders: { 'X-Forwarded-For': address } });
      opened.push(socket);
      let isOver = false;
      socket.on('disconnect', () => (isOver = true));
      socket.on('data', () => (isOver = true));
      await until(() => isOver, 'the first message or the end');
      return socket;
    };
    try {
      const greedy: Socket[] = [];
      for (let n = 0; n < 4; n += 1) greedy.push(await panelOf('198.51.100.1'));
      const others = [await panelOf('198.51.100.2'), await panelOf('198.51.100.3')];
      await until(
        () => greedy.filter(({ connected }) => connected).length === 2,
        'a place for the third address',
      );
      expect(greedy.map(({ connected }) => connected)).toEqual([true, true, false, false]);
      expect(others.map(({ connected }) => connected)).toEqual([true, true]);
    } finally {
      opened.forEach((socket) => socket.close());
      await narrow.stop();
    }
  });

  it('a drain closes the transport, so that a panel reconnects, and sends no unknown event', async () => {
    const other = await startTestService();
    const oldPanel = await panel('socket.io-client 3', 'websocket', other.socketUrl);
    await oldPanel.join('tracking');
    await other.stop();
    await until(() => oldPanel.endings.length > 0);
    expect([oldPanel.endings, oldPanel.others]).toEqual([['transport close'], []]);
  });
});

describe.each(['HTTP', 'socket'] as const)('the Socket.IO client on the %s port', (port) => {
  const url = (file: string): string =>
    `${port === 'HTTP' ? service.url : service.socketUrl}/socket.io/${file}`;

  it.each([
    ['socket.io.js', 'application/javascript; charset=utf-8', /io = /],
    ['socket.io.min.js', 'application/javascript; charset=utf-8', /Socket\.IO v4/],
    ['socket.io.esm.min.js', 'application/javascript; charset=utf-8', /export\s*\{/],
    ['socket.io.js.map', 'application/json; charset=utf-8', /"mappings"/],
    ['socket.io.min.js.map?v=1', 'application/json; charset=utf-8', /"mappings"/],
  ])('%s can be loaded by a page of another host, and is revalidated', async (file, type, content) => {
    const answer = await fetch(url(file));
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'cache-control': 'public, max-age=0',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect(await answer.text()).toMatch(content);
    const etag = answer.headers.get('etag') ?? '';
    const again = await fetch(url(file), {
      headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
  });

  it('has no other files, and none above its directory', async () => {
    for (const file of ['socket.io.mjs.js', 'socket.io.%2e%2e.js', 'socket.io%2f..%2f..%2fpackage.js']) {
      expect([400, 404]).toContain((await fetch(url(file))).status);
    }
  });
});
