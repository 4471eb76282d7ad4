import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { PanelNotificationServer } from '../support/panel-notification-server.js';
import { until } from '../support/sockets.js';

/** Checks that the old server of the tests behaves as in the known facts, faults included. */
let server: OldServer;
let database: OldDatabase;
let ambulanceId: string;
let panelServer: PanelNotificationServer;
beforeAll(async () => {
  panelServer = await PanelNotificationServer.open();
  server = await OldServer.start({ url: panelServer.url, offlineAfterMs: 60_000 });
  database = await OldDatabase.open(server.database.url);
  ambulanceId = await database.addAmbulance('291');
});
afterAll(async () => {
  await database.close();
  await server.stop();
  await panelServer.close();
});

const open: Socket[] = [];
afterEach(() => open.splice(0).forEach((socket) => socket.close()));

async function panel(...rooms: string[]): Promise<unknown[]> {
  const said: unknown[] = [];
  const socket = io(server.socketUrl, { forceNew: true, transports: ['websocket'] });
  open.push(socket);
  socket.on('data', (frame: string) => said.push(frame.startsWith('{') ? JSON.parse(frame) : frame));
  for (const room of rooms) socket.emit('room_join', room);
  await until(() => said.length >= rooms.length + 1);
  return said;
}

const post = (path: string, body: unknown, base = server.url) =>
  fetch(`${base}/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const TRACKING = 'tracking/postAmbulanceTracking';
const GOOD = {
  ambulance_id: '291',
  tracking_latitude: '13.7563',
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '90',
};
const trackings = () => database.all('ambulance_trackings');
const histories = () => database.all('ambulance_tracking_histories');

it('gives the exact answers on both ports', async () => {
  for (const base of [server.url, server.socketUrl]) {
    expect(await (await fetch(`${base}/`)).text()).toContain('<title>AOC-V.2 Tracking Server On</title>');
    expect(await (await fetch(`${base}/error_codes`)).text()).toBe('{"500":"Error on server."}');
    const unknown = await post(TRACKING, { ...GOOD, ambulance_id: 'unknown' }, base);
    expect([unknown.status, await unknown.text()]).toEqual([201, '{"message":"Ambulance not found."}']);
    expect((await post(TRACKING, {}, base)).status).toBe(201);
    const broken = await post(TRACKING, '{', base);
    expect([broken.status, broken.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8']);
  }
});

it('sends frames to rooms by name and by id, and announces each join to all', async () => {
  const said = await panel('"tracking"', ambulanceId);
  expect(said).toEqual([
    expect.stringMatching(/^socket connected id: /),
    'room joined: tracking',
    `room joined: ${ambulanceId}`,
  ]);
  const answer = await post(TRACKING, { ...GOOD, extra: 'x' });
  expect([answer.status, await answer.text()]).toEqual([200, '{"success":true}']);
  await until(() => said.length === 5);
  const frame = {
    ...GOOD,
    extra: 'x',
    tracking_speed: 36,
    _id: ambulanceId,
    is_assign: 0,
    type: 'TRACKING',
    request_type: '',
    estimated_time: 0,
  };
  expect(said.slice(3)).toEqual([frame, frame]);
});

it('averages from 0, and writes no first history, and no place in histories', async () => {
  await until(async () => (await trackings()).length === 1);
  expect(await trackings()).toMatchObject([
    { speed: 36, avg_speed: 0, __v: 0, location: { lat: 13.7563, lon: 100.5018 } },
  ]);
  expect(await histories()).toEqual([]);
  await post(TRACKING, GOOD);
  await until(async () => (await histories()).length === 1);
  expect(await histories()).toMatchObject([{ speed: 36, location: { lat: 0, lon: 0 } }]);
  await until(async () => (await trackings())[0]?.avg_speed === 18);
  const [{ createdAt, updatedAt }] = await trackings();
  expect(updatedAt.getTime()).toBeGreaterThan(createdAt.getTime());
});

it('gives a speeding episode an id in the document and the histories, and takes it out of the document', async () => {
  const before = (await histories()).length;
  for (const [n, tracking_speed] of ['25', '35', '5'].entries()) {
    await post(TRACKING, { ...GOOD, tracking_speed });
    await until(async () => (await histories()).length === before + n + 1);
  }
  const [above, over, below] = (await histories()).slice(before);
  expect(over.speed_above_80).toEqual(above.speed_above_80);
  expect([above, over, below].map((each) => 'speed_above_120' in each)).toEqual([false, true, false]);
  expect(below).not.toHaveProperty('speed_above_80');
  expect((await trackings())[0]).not.toHaveProperty('speed_above_80');
});

it('sends notifications by the speed now against the stored one, with the oldest open request', async () => {
  const requests = database.collection('aoc_requests');
  const ambulance_id = OldDatabase.id(ambulanceId);
  const { insertedId: oldest } = await requests.insertOne({ ambulance_id, request_status: 'IDEAL' });
  await requests.insertOne({ ambulance_id, request_status: 'IDEAL' });
  const received = (): string[] => panelServer.received.map(({ body }) => body.notification_type);
  const before = received().length;
  // 126, 100.8, 72 and 36 km/h; one type at most for each position.
  for (const tracking_speed of ['35', '28', '20', '10']) {
    await post(TRACKING, { ...GOOD, tracking_speed });
    const stored = Math.ceil(Number(tracking_speed) * 3.6);
    await until(async () => (await trackings())[0]?.speed === stored);
  }
  const status = { request_status: 'COME_BACK_TO_BASE_HOSPITAL' };
  await requests.updateOne({ _id: oldest }, { $set: status });
  await post(TRACKING, GOOD);
  await post(TRACKING, GOOD);
  await until(() => received().includes('AMBULACNE_NEAR_ABOUT_SCENE'));
  expect(received().slice(before)).toEqual([
    'SPEED_ABOVE_120',
    'SPEED_BELOW_120',
    'SPEED_BELOW_80',
    'AMBULACNE_NEAR_ABOUT_SCENE',
  ]);
  expect(received()[0]).toBe('AMBULANCE_TRACKING_STATUS_ONLINE');
  const bodies = panelServer.received.map(({ body }) => body.aoc_request_id);
  expect([bodies[0], bodies.at(-1)]).toEqual(['', String(oldest)]);
  await requests.deleteMany({});
});

describe('requests that end the process', () => {
  it.each([
    ['no speed', { ...GOOD, tracking_speed: undefined }],
    ['a speed that is "nan"', { ...GOOD, tracking_speed: 'nan' }],
  ])('%s', async (_, body) => {
    const before = server.restarts;
    expect(await (await post(TRACKING, body)).text()).toBe('{"success":true}');
    await until(() => server.restarts === before + 1);
    await server.whenUp();
    expect(server.output).toContain('ValidationError');
  });

  it('a crash report, after it is stored and sent to panels', async () => {
    const said = await panel('crash', `CRASH_NOTIFY_${ambulanceId}`);
    const before = server.restarts;
    const answer = await post('crash/postAmbulanceCrashNotify', GOOD);
    expect([answer.status, await answer.text()]).toEqual([200, '']);
    await until(() => server.restarts === before + 1);
    const [crash] = await database.all('ambulance_crashes');
    expect(said.slice(3)).toEqual([
      { ambulance_crashes_id: String(crash._id), type: 'CRASH_NOTIFY' },
      { ...GOOD, tracking_speed: 36, type: 'CRASH' },
    ]);
    await server.whenUp();
  });

  it('a position without a place does not; it is silently not stored', async () => {
    const before = [server.restarts, (await histories()).length];
    expect((await post(TRACKING, { ...GOOD, tracking_latitude: 'north' })).status).toBe(200);
    await post(TRACKING, GOOD);
    await until(async () => (await histories()).length === (before[1] ?? 0) + 1);
    expect(server.restarts).toBe(before[0]);
  });
});

it('stores pictures under its own names and announces them to `snap`', async () => {
  const said = await panel('snap');
  const form = new FormData();
  form.append('ambulance_id', '291');
  form.append('a', new Blob(['first']), 'one.jpg.exe');
  form.append('b', new Blob(['second']), 'dotless');
  const answer = await fetch(`${server.url}/api/snapshot/postAmbulanceImageUpload`, {
    method: 'POST',
    body: form,
  });
  expect([answer.status, await answer.text(), answer.headers.get('content-type')]).toEqual([200, '', null]);
  await until(() => said.length === 3);
  const { body, imagesObj } = said[2] as { body: unknown; imagesObj: Record<string, string> };
  expect(body).toEqual({ ambulance_id: '291' });
  const layout = String.raw`^uploads/ambulance_images/291/\d{4}/\d+/\d+/\d+_\d+/\d+_\d+_\d{4}`;
  expect(imagesObj).toEqual({
    image0: expect.stringMatching(new RegExp(`${layout}\\.jpg$`)),
    image1: expect.stringMatching(new RegExp(`${layout}\\.undefined$`)),
  });
  await until(async () => (await fetch(`${server.url}/${imagesObj['image1']}`)).ok);
  expect(await (await fetch(`${server.url}/${imagesObj['image0']}`)).text()).toBe('first');
});

it('rejects an Engine.IO 3 client', async () => {
  const answer = await fetch(`${server.socketUrl}/socket.io/?EIO=3&transport=polling`);
  expect(answer.status).toBe(400);
});
