import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { getModelToken } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { Clock, EventBus } from '../../src/core/index.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(250);

let service: TestService;
let admin: string;
let old: OldDatabase;
beforeAll(async () => {
  service = await startTestService({ LEGACY_COLLECTIONS: 'write', OPS_TOKEN });
  admin = await adminToken(service);
  old = await OldDatabase.open(service.database.url);
});
afterAll(async () => {
  await old.close();
  await service.stop();
});

let boxNumber = 300;
let vehicleId: string;
let ambulanceId: string;
let token: string;
beforeEach(async () => {
  const boxCode = String((boxNumber += 1));
  ambulanceId = await old.addAmbulance(boxCode);
  [vehicleId, token] = await vehicleWith({ boxCode });
});

async function vehicleWith(more: object): Promise<[string, string]> {
  const name = `L-${(boxNumber += 1)}`;
  const body = { callSign: name, registration: name, type: 'als', ...more };
  const vehicle = await call(service, 'POST', '/api/v1/vehicles', { token: admin, body });
  const path = `/api/v1/vehicles/${vehicle.body.id}/credentials`;
  const credential = await call(service, 'POST', path, { token: admin, body: {} });
  return [vehicle.body.id, credential.body.token];
}

const T0 = Date.now() - 600_000;
const at = (n: number): string => new Date(T0 + n * 1_000).toISOString();
const fix = (n: number, more: object = {}) => ({
  lat: 13.7 + n * 1e-4,
  lon: 100.5,
  time: at(n),
  speedMps: 10,
  headingDeg: 90,
  ...more,
});

async function send(...positions: object[]): Promise<void> {
  const answer = await call(service, 'POST', '/api/v1/positions', { token, body: { positions } });
  expect([answer.status, answer.body.rejected]).toEqual([200, 0]);
}

const ofThis = () => ({ ambulance_id: OldDatabase.id(ambulanceId) });
const histories = () => old.all('ambulance_tracking_histories', ofThis());
const settled = (count: number) =>
  until(async () => (await histories()).length >= count, `${count} histories`);

describe('positions', () => {
  it('are in both collections, with the ambulance id of the old system', async () => {
    expect(ambulanceId).not.toBe(vehicleId);
    await send(fix(0), fix(5, { speedMps: 20.5, headingDeg: 100 }));
    await settled(2);
    const [first, second] = (await histories()).sort((a, b) => a.count_datetime - b.count_datetime);
    expect(first).toMatchObject({
      location: { lat: 13.7, lon: 100.5 },
      speed: 36,
      heading: 90,
      count_datetime: new Date(at(0)),
    });
    expect(second).toMatchObject({ location: { lat: 13.7 + 5e-4, lon: 100.5 }, speed: 74, heading: 100 });
    await until(async () => (await old.all('ambulance_trackings', ofThis())).length === 1);
    const [tracking] = await old.all('ambulance_trackings', ofThis());
    expect(tracking).toMatchObject({
      location: { lat: 13.7 + 5e-4, lon: 100.5 },
      speed: 74,
      avg_speed: 55,
      heading: 100,
      state: 'GREEN',
      count_datetime: new Date(at(5)),
    });
  });

  it('that are sent again change nothing', async () => {
    const twice = [fix(0), fix(1, { speedMps: 20 })];
    await send(...twice);
    await settled(2);
    await send(...twice);
    await send(fix(2, { speedMps: 5 }));
    await settled(3);
    await until(async () => (await lag()) === 0);
    expect(await histories()).toHaveLength(3);
    // 36, then (36 + 72) / 2, then (54 + 18) / 2: each counted once.
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([{ avg_speed: 36, speed: 18 }]);
  });

  it('keep the fields of other programs in the document, and use the destination', async () => {
    const theirs = {
      ...ofThis(),
      source_location: { lat: 13.6, lon: 100.4 },
      destination_location: { lat: 13.8, lon: 100.5 },
      covered_distance: 12,
      speed_above_80: 'an episode',
      note: 'of an unknown program',
    };
    const { insertedId } = await old.collection('ambulance_trackings').insertOne(theirs);
    await send(fix(0));
    await until(async () => (await old.all('ambulance_trackings', ofThis()))[0]?.speed === 36);
    const [tracking, ...more] = await old.all('ambulance_trackings', ofThis());
    expect(more).toEqual([]);
    expect(tracking).toMatchObject({ _id: insertedId, ...theirs, estimated_time: 19 });
  });

  it('that are late go into the histories only', async () => {
    await send(fix(50));
    await settled(1);
    await send(fix(10));
    await settled(2);
    await until(async () => (await lag()) === 0);
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([
      { count_datetime: new Date(at(50)) },
    ]);
  });

  it('do not overwrite a newer position of the old server', async () => {
    const newer = { ...ofThis(), count_datetime: new Date(T0 + 300_000), location: { lat: 1, lon: 2 } };
    await old.collection('ambulance_trackings').insertOne({ ...newer });
    await send(fix(0));
    await settled(1);
    await until(async () => (await lag()) === 0);
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([newer]);
  });

  it('end in one document when the old server inserts one at the same time', async () => {
    await send(fix(0));
    await settled(1);
    await until(async () => (await old.all('ambulance_trackings', ofThis())).length === 1);
    await old.collection('ambulance_trackings').insertOne({ ...ofThis(), note: 'the old server’s' });
    await send(fix(1));
    await until(async () => (await old.all('ambulance_trackings', ofThis())).length === 1);
    await send(fix(2));
    await settled(3);
    await until(async () => (await lag()) === 0);
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([
      { note: 'the old server’s', count_datetime: new Date(at(2)) },
    ]);
  });

  it('that are released from quarantine replace the other one in the histories', async () => {
    await send(fix(0));
    await settled(1);
    await send(fix(0, { lat: 13.75 }));
    const held = await call(service, 'GET', `/api/v1/quarantine?vehicleId=${vehicleId}`, { token: admin });
    await call(service, 'POST', `/api/v1/quarantine/${held.body.items[0].id}/release`, { token: admin });
    await until(async () => (await histories())[0]?.location.lat === 13.75);
    expect(await histories()).toHaveLength(1);
  });

  it('of vehicles without an ambulance id are not written', async () => {
    const [stranger, strangersToken] = await vehicleWith({});
    const [boxed, boxedToken] = await vehicleWith({ boxCode: 'unknown-to-them' });
    for (const each of [strangersToken, boxedToken]) {
      await call(service, 'POST', '/api/v1/positions', { token: each, body: { positions: [fix(0)] } });
    }
    const of = (id: string) => old.all('ambulance_trackings', { ambulance_id: OldDatabase.id(id) });
    await until(async () => (await of(boxed)).length === 1);
    expect(await of(stranger)).toEqual([]);
  });
});

describe('pictures', () => {
  const name = (minute: number, n = 1): string =>
    `uploads/ambulance_images/x/2026/3/9/14_${minute}/${minute}_5_100${n}.jpg`;
  const current = async () => (await old.all('ambulance_images', ofThis()))[0]?.images;
  const former = () => old.all('ambulance_image_histories', ofThis());

  it('are the newest of their vehicle, and the earlier ones are in the histories once', async () => {
    const offer = (...snapshots: string[][]) => {
      const bus = service.service.app.get(EventBus);
      for (const names of snapshots)
        bus.publish('legacy-snapshot.stored', { vehicleId, at: null, names, originalFields: {} });
    };
    offer([name(1), name(1, 2)]);
    await until(async () => (await current()) !== undefined);
    expect(await current()).toEqual({ image0: name(1), image1: name(1, 2) });
    offer([name(3)]);
    offer([name(2)]);
    // A repeat as after a crash: in another order, and with a part that arrived late.
    offer([name(1, 2), name(1)]);
    offer([name(3, 2)], [name(2, 2)]);
    await until(async () => (await former()).length === 2);
    await until(async () => (await lag()) === 0);
    expect(await current()).toEqual({ image0: name(3), image1: name(3, 2) });
    const images = (await former()).map((each) => each.images);
    expect(images.sort((a, b) => (a.image0 < b.image0 ? -1 : 1))).toEqual([
      { image0: name(1), image1: name(1, 2) },
      { image0: name(2), image1: name(2, 2) },
    ]);
  });

  it('that were not offered are found in storage', async () => {
    const { collection } = service.service.app.get<Model<unknown>>(getModelToken('ImageRecord'));
    const createdAt = new Date();
    const record = (n: number) => ({
      _id: new Types.ObjectId(),
      vehicleId: new Types.ObjectId(vehicleId),
      path: name(5, n).replace('uploads/ambulance_images/', '').replace('x', ambulanceId),
      filename: 'a.jpg',
      contentType: 'image/jpeg',
      sizeBytes: 1,
      sha256: 'c'.repeat(64),
      origin: 'upload',
      createdAt,
    });
    await collection.insertMany([record(1), record(2)] as never);
    // Half a minute later by the clock of the service, so the next read of storage is due.
    const clock = service.service.app.get(Clock);
    const later = jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 31_000);
    try {
      await until(async () => (await current()) !== undefined, 'the next look into storage');
    } finally {
      later.mockRestore();
    }
    expect(Object.keys(await current())).toEqual(['image0', 'image1']);
  });
});

describe('crashes', () => {
  it('are one document each, with the id that panels get, and never overwrite a document', async () => {
    const bus = service.service.app.get(EventBus);
    const id = new Types.ObjectId().toHexString();
    const crash = {
      id,
      vehicleId,
      reportedAt: new Date(T0),
      lat: 13.7,
      lon: 100.5,
      speedMps: 25.1,
      headingDeg: 3,
    };
    const crashes = () => old.all('ambulance_crashes', ofThis());
    bus.publish('crash.recorded', { crash });
    await until(async () => (await crashes()).length === 1);
    const expected = {
      location: { lat: 13.7, lon: 100.5 },
      speed: 91,
      heading: 3,
      count_datetime: new Date(T0),
    };
    expect(await crashes()).toMatchObject([{ _id: OldDatabase.id(id), ...expected }]);
    await old.collection('ambulance_crashes').updateOne({ _id: OldDatabase.id(id) }, { $set: { speed: 1 } });
    bus.publish('crash.recorded', { crash });
    await until(async () => (await lag()) === 0);
    expect(await crashes()).toMatchObject([{ ...expected, speed: 1 }]);
  });
});

/** The largest lag of the three mirrors, seconds. */
async function lag(): Promise<number> {
  const { samples } = await Scrape.of(service);
  const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
  expect(lags.map(({ labels }) => labels['kind'])).toEqual(['trackings', 'pictures', 'crashes']);
  return Math.max(...lags.map(({ value }) => value));
}

it('shows its lag in /ready', async () => {
  const { body } = await call(service, 'GET', '/ready', { token: OPS_TOKEN });
  expect(body.checks.backlogs).toMatchObject({
    status: 'up',
    detail: { trackings: { lagS: expect.any(Number) } },
  });
});

it('is off by default: nothing is written', async () => {
  const quiet = await service.another({ LEGACY_COLLECTIONS: 'off' });
  try {
    const { samples } = await Scrape.of(quiet);
    expect(samples.some(({ name }) => name.startsWith('samserver_legacy_collections'))).toBe(false);
    const { body } = await call(quiet, 'GET', '/ready', { token: OPS_TOKEN });
    expect(body.checks.backlogs.detail).toEqual({});
  } finally {
    await quiet.stop();
  }
});
