import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OwedRepository } from '../../src/legacy/owed/owed.repository.js';
import { ShadowPictureRetention } from '../../src/legacy/shadow-pictures/shadow-picture-retention.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { call } from '../support/http.js';
import { CRASH, formOf, newBox, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldPanel } from '../support/old-panel.js';
import { download, jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';
import { createTestVolume, filesBelow, type TestVolume } from '../support/test-volume.js';

limitJobIntervals(250);

const SECRET = 'a test secret of nginx that is long enough';

let volume: TestVolume;
let shadow: string;
let service: TestService;
let old: OldDatabase;
let vehicleId: string;
let boxCode: string;
beforeAll(async () => {
  volume = await createTestVolume();
  shadow = await mkdtemp(join(tmpdir(), 'samserver-shadow-'));
  service = await startTestService({
    ...volume.env,
    OPS_TOKEN,
    LEGACY_ROLES: 'old',
    LEGACY_COLLECTIONS: 'write',
    LEGACY_MIRROR_SECRET: SECRET,
    LEGACY_SHADOW_DIR: shadow,
    LEGACY_TIME_ZONE: 'Asia/Bangkok',
  });
  old = await OldDatabase.open(service.database.url);
  // Before the ambulance: the job of the move would make a vehicle of it.
  ({ vehicleId, boxCode } = await newBox(service, '320'));
  await old.addAmbulance('320');
});
afterAll(async () => {
  await old.close();
  await service.stop();
  await volume.remove();
  await rm(shadow, { recursive: true });
});

let ids = 0;
const newRequestId = (): string => (ids += 1).toString(16).padStart(32, '0');
const directHeaders = (id: string) => ({ 'X-Samserver-Request-Id': id });
const mirrorHeaders = (id: string) => ({ ...directHeaders(id), 'X-Samserver-Mirror': SECRET });

async function post(
  path: string,
  body: object | FormData,
  headers: Record<string, string> = {},
): Promise<number> {
  const isForm = body instanceof FormData;
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    body: isForm ? body : JSON.stringify(body),
    headers: { ...headers, ...(!isForm && { 'content-type': 'application/json' }) },
  });
  await response.arrayBuffer();
  return response.status;
}

let places = 0;
const report = () => ({
  ambulance_id: boxCode,
  tracking_latitude: Number((13.7 + (places += 1) * 1e-4).toFixed(6)),
  tracking_longitude: 100.5,
  tracking_speed: 5,
});
const ofVehicle = () => ({ vehicleId: OldDatabase.id(vehicleId) });
const positionsAt = async (lat: number) => old.all('positions', { ...ofVehicle(), lat });
/** In the order of arrival. */
const shadowRequests = async () =>
  (await old.all('legacy_shadow_pictures')).sort((one, other) => (one._id < other._id ? -1 : 1));
const inVolume = async () => (await filesBelow(volume.path)).filter((path) => !path.startsWith('.samserver'));
const take = (isOn: boolean) =>
  call(service, 'PUT', '/api/v1/ops/legacy-mirror', { token: OPS_TOKEN, body: { isOn } });
const counted = async (labels: Record<string, string>) =>
  (await Scrape.of(service)).value('samserver_legacy_posts_total', labels) ?? 0;

describe('a mirrored post', () => {
  it('is stored like any other, and counted by its origin', async () => {
    const before = await counted({ post: 'position', origin: 'mirror', outcome: 'taken' });
    const position = report();
    expect(await post(TRACKING, position, mirrorHeaders(newRequestId()))).toBe(200);
    expect(await positionsAt(position.tracking_latitude)).toHaveLength(1);
    expect(await counted({ post: 'position', origin: 'mirror', outcome: 'taken' })).toBe(before + 1);
  });

  it.each(['mirror first', 'direct first'])('and its direct copy are one position, %s', async (order) => {
    const [id, position] = [newRequestId(), report()];
    const copies = [mirrorHeaders(id), directHeaders(id)];
    for (const headers of order === 'mirror first' ? copies : copies.reverse())
      expect(await post(TRACKING, position, headers)).toBe(200);
    expect(await positionsAt(position.tracking_latitude)).toHaveLength(1);
  });

  it('and its direct copy at the same time are one crash, and one picture request', async () => {
    const id = newRequestId();
    const [crashes, requests] = [await old.all('crashes', ofVehicle()), await shadowRequests()];
    const form = () => formOf({ ambulance_id: boxCode }, [['a.jpg', picture]]);
    const picture = await jpeg(91);
    const statuses = await Promise.all([
      post(CRASH, { ambulance_id: boxCode }, mirrorHeaders(id)),
      post(CRASH, { ambulance_id: boxCode }, directHeaders(id)),
      post(SNAPSHOT, form(), mirrorHeaders(id)),
      post(SNAPSHOT, form(), directHeaders(id)),
    ]);
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(await old.all('crashes', ofVehicle())).toHaveLength(crashes.length + 1);
    expect(await shadowRequests()).toHaveLength(requests.length + 1);
  });

  it('gets 503 and is not stored from the moment on at which an operator stops them; others are taken', async () => {
    expect((await take(false)).body).toEqual({ isOn: false });
    const [mirrored, direct] = [report(), report()];
    expect(await post(TRACKING, mirrored, mirrorHeaders(newRequestId()))).toBe(503);
    expect(await post(TRACKING, direct)).toBe(200);
    expect(await positionsAt(mirrored.tracking_latitude)).toHaveLength(0);
    expect(await positionsAt(direct.tracking_latitude)).toHaveLength(1);
    expect(await counted({ origin: 'mirror', outcome: 'mirror_off' })).toBe(1);
    expect((await take(true)).status).toBe(200);
    expect(await post(TRACKING, mirrored, mirrorHeaders(newRequestId()))).toBe(200);
  });

  it('can be stopped by an operator only', async () => {
    expect((await call(service, 'PUT', '/api/v1/ops/legacy-mirror', { body: { isOn: false } })).status).toBe(
      401,
    );
  });
});

describe('pictures beside the old server', () => {
  it('are not in the volume, and are served at the addresses of the frames', async () => {
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('snap');
    const files = [
      ['1.jpg', await jpeg(92)],
      ['2.jpg', Buffer.from('no picture')],
      ['3.jpg', await jpeg(93)],
    ] as const;
    expect(await post(SNAPSHOT, formOf({ ambulance_id: boxCode }, files))).toBe(200);
    const [frame] = await panel.frames(1);
    panel.close();
    const { imagesObj } = frame as { imagesObj: Record<string, string> };
    expect(Object.keys(imagesObj)).toEqual(['image0', 'image1', 'image2']);
    for (const [name, status] of [
      ['image0', 200],
      ['image1', 404],
      ['image2', 200],
    ] as const)
      expect((await download(service, `/${imagesObj[name]}`)).status).toBe(status);
    expect(await inVolume()).toEqual([]);
    expect(await old.all('images')).toEqual([]);
    expect((await shadowRequests()).at(-1)).toMatchObject({ vehicleId, boxCode, roleEpoch: 0 });
  });

  it('are deleted after 48 h: files, empty folders, records', async () => {
    const [aged, kept] = (await shadowRequests()).slice(-2);
    const receivedAt = new Date(Date.now() - 48 * 3_600_000 - 1_000);
    const _id = `${String(receivedAt.getTime()).padStart(15, '0')}:${vehicleId}`;
    await old.collection('legacy_shadow_pictures').deleteOne({ _id: aged._id });
    await old.collection('legacy_shadow_pictures').insertOne({ ...aged, _id, receivedAt });
    const pathOf = ({ files }: { files: { path: string | null }[] }) => join(shadow, files[0]?.path ?? '');
    await utimes(pathOf(aged), receivedAt, receivedAt);
    await service.service.app.get(ShadowPictureRetention).sweep();
    expect([existsSync(pathOf(aged)), existsSync(pathOf(kept))]).toEqual([false, true]);
    expect((await shadowRequests()).map((each) => each._id)).not.toContain(_id);
  });
});

describe('what the old server has not got', () => {
  it('is written when this service has the role, once, and nothing else of before', async () => {
    const [owedPosition, position] = [report(), report()];
    await post(TRACKING, owedPosition);
    await post(TRACKING, position);
    await post(SNAPSHOT, formOf({ ambulance_id: boxCode }, [['owed.jpg', await jpeg(94)]]));
    const [{ time }] = await positionsAt(owedPosition.tracking_latitude);
    const { receivedAt } = (await shadowRequests()).at(-1);
    const [crash] = await old.all('crashes', ofVehicle());
    const owed = service.service.app.get(OwedRepository);
    const item = { vehicleId, reason: 'test' };
    await owed.add({ kind: 'position', recordId: String(time.getTime()), at: time, ...item });
    await owed.add({ kind: 'crash', recordId: String(crash._id), at: crash.reportedAt, ...item });
    await owed.add({ kind: 'picture', recordId: String(receivedAt.getTime()), at: receivedAt, ...item });
    // Its record is in no storage yet: it stays in the list.
    await owed.add({ kind: 'crash', recordId: 'f'.repeat(24), at: new Date(), ...item });
    expect((await old.all('legacy_owed')).length).toBe(4);
    expect(await old.all('ambulance_tracking_histories')).toEqual([]);

    await call(service, 'PUT', '/api/v1/ops/legacy-roles', { token: OPS_TOKEN, body: { role: 'samserver' } });
    await until(
      async () => (await old.all('legacy_owed')).length === 1,
      'the owed records in the collections',
    );
    expect((await old.all('ambulance_tracking_histories')).map(({ location }) => location.lat)).toEqual([
      owedPosition.tracking_latitude,
    ]);
    expect((await old.all('ambulance_crashes')).map(({ _id }) => String(_id))).toEqual([String(crash._id)]);
    const [images] = await old.all('ambulance_images');
    const name = String(images.images.image0);
    expect(await inVolume()).toEqual([name.replace('uploads/ambulance_images/', '')]);
    expect(await old.all('ambulance_image_histories')).toEqual([]);
    expect((await download(service, `/${name}`)).status).toBe(200);
    expect((await Scrape.of(service)).value('samserver_legacy_owed_total', { outcome: 'written' })).toBe(3);
  });

  it('and what arrives after the change is written to the volume', async () => {
    await post(SNAPSHOT, formOf({ ambulance_id: boxCode }, [['new.jpg', await jpeg(95)]]));
    expect(await inVolume()).toHaveLength(2);
    await until(
      async () => (await old.all('ambulance_image_histories')).length === 1,
      'the picture before as a history',
    );
  });
});
