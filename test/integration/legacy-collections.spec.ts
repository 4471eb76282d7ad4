import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { getModelToken } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { Clock, EventBus } from '../../src/core/index.js';
import { CrashCollectionRepository } from '../../src/legacy/shared-collections/crash-collection.repository.js';
import { PictureCollectionsRepository } from '../../src/legacy/shared-collections/picture-collections.repository.js';
import { TrackingCollectionsRepository } from '../../src/legacy/shared-collections/tracking-collections.repository.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { recordCrash } from '../support/crashes.js';
import { adminToken, call } from '../support/http.js';
import { postJson, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldPanel } from '../support/old-panel.js';
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

/** The private read of `TrackingCollectionsRepository`. */
interface Reads {
  documentsOf(ids: readonly string[]): Promise<ReadonlyMap<string, unknown>>;
}

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
      createdAt: expect.any(Date),
      __v: 0,
    });
    expect(Date.now() - first.createdAt.getTime()).toBeLessThan(60_000);
    expect(second).toMatchObject({ location: { lat: 13.7 + 5e-4, lon: 100.5 }, speed: 73.8, heading: 100 });
    for (const each of [first, second]) expect(each).not.toHaveProperty('speed_above_80');
    await until(async () => (await old.all('ambulance_trackings', ofThis())).length === 1);
    const [tracking] = await old.all('ambulance_trackings', ofThis());
    expect(tracking).toMatchObject({
      location: { lat: 13.7 + 5e-4, lon: 100.5 },
      speed: 74,
      avg_speed: 36.9,
      heading: 100,
      state: 'GREEN',
      count_datetime: new Date(at(5)),
      updatedAt: first.createdAt,
      createdAt: first.createdAt,
      source_location: { lat: 0, lon: 0 },
      destination_location: { lat: 0, lon: 0 },
      estimated_time: 0,
      covered_distance: 0,
      __v: 0,
    });
  });

  it('above a limit have the id of the episode, which the document has until its end', async () => {
    const document = async () => (await old.all('ambulance_trackings', ofThis()))[0];
    await send(fix(0), fix(1, { speedMps: 25 }), fix(2, { speedMps: 35 }));
    await until(async () => (await document())?.speed_above_120 !== undefined);
    const { speed_above_80: above80, speed_above_120: above120 } = await document();
    await send(fix(3, { speedMps: 30 }), fix(4, { speedMps: 5 }), fix(5, { speedMps: 25 }));
    await settled(6);
    await until(async () => (await document()).count_datetime.getTime() === T0 + 5_000);
    const episodes = (await histories())
      .sort((a, b) => a.count_datetime - b.count_datetime)
      .map(({ speed_above_80, speed_above_120 }) => [speed_above_80, speed_above_120]);
    const after = await document();
    expect(episodes).toEqual([
      [undefined, undefined],
      [above80, undefined],
      [above80, above120],
      [above80, undefined],
      [undefined, undefined],
      [after.speed_above_80, undefined],
    ]);
    expect(after).not.toHaveProperty('speed_above_120');
    expect(String(after.speed_above_80)).not.toBe(String(above80));
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
    // 0 at the first, then (0 + 72) / 2, then (36 + 18) / 2: each counted once.
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([{ avg_speed: 27, speed: 18 }]);
  });

  it('keep the fields of other programs in the document, and use the destination', async () => {
    const theirs = {
      ...ofThis(),
      source_location: { lat: 13.6, lon: 100.4 },
      destination_location: { lat: 13.8, lon: 100.5 },
      note: 'of an unknown program',
    };
    const stale = { covered_distance: 12, estimated_time: 4, speed_above_80: 'an episode' };
    const { insertedId } = await old.collection('ambulance_trackings').insertOne({ ...theirs, ...stale });
    await send(fix(0));
    await until(async () => (await old.all('ambulance_trackings', ofThis()))[0]?.speed === 36);
    const [tracking, ...more] = await old.all('ambulance_trackings', ofThis());
    expect(more).toEqual([]);
    expect(tracking).toMatchObject({ _id: insertedId, ...theirs });
    // 11.1 km at 10 m/s, and 15.5 km from the source.
    expect(tracking.estimated_time).toBeCloseTo(18.53, 2);
    expect(tracking.covered_distance).toBeCloseTo(15.5, 1);
    expect(tracking).not.toHaveProperty('speed_above_80');

    const none = { lat: 0, lon: 0 };
    const ended = { source_location: none, destination_location: none, updatedAt: new Date() };
    await old.collection('ambulance_trackings').updateOne({ _id: insertedId }, { $set: ended });
    await send(fix(1));
    await until(async () => (await old.all('ambulance_trackings', ofThis()))[0]?.estimated_time === 0);
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([{ covered_distance: 0 }]);
  });

  it('are applied to what another program writes between the read and the write', async () => {
    const { insertedId: _id } = await old
      .collection('ambulance_trackings')
      .insertOne({ ...ofThis(), count_datetime: new Date(T0 - 1_000), updatedAt: new Date(T0) });
    const repository: Reads = service.service.app.get(
      TrackingCollectionsRepository as unknown as Type<Reads>,
    );
    const documentsOf = repository.documentsOf.bind(repository);
    const theirs = {
      source_location: { lat: 13.6, lon: 100.5 },
      destination_location: { lat: 13.8, lon: 100.5 },
      updatedAt: new Date(),
    };
    let change: Promise<unknown> | null = null;
    const read = jest.spyOn(repository, 'documentsOf').mockImplementation(async (ids) => {
      const documents = await documentsOf(ids);
      // Two writes can read at once, those of new positions and of stored ones. Both wait for the change.
      if (documents.has(ambulanceId))
        await (change ??= old.collection('ambulance_trackings').updateOne({ _id }, { $set: theirs }));
      return documents;
    });
    try {
      await send(fix(0));
      await until(async () => (await old.all('ambulance_trackings', ofThis()))[0]?.speed === 36);
    } finally {
      read.mockRestore();
    }
    const [tracking] = await old.all('ambulance_trackings', ofThis());
    expect(tracking).toMatchObject({ destination_location: { lat: 13.8 }, count_datetime: new Date(at(0)) });
    expect(tracking.estimated_time).toBeCloseTo(18.53, 2);
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

  it('of the box of an ambulance that is out of service are taken, as the old server took them', async () => {
    const status = { status: 'out_of_service' };
    await call(service, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token: admin, body: status });
    const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}`, { token: admin });
    expect(body).toMatchObject(status);
    const fields = { tracking_latitude: '13.7', tracking_longitude: '100.5', tracking_speed: '4.7e-05' };
    const answer = await postJson(service, TRACKING, { ambulance_id: body.boxCode, ...fields });
    expect([answer.status, answer.body]).toEqual([200, { success: true }]);
    await settled(1);
    await until(async () => (await old.all('ambulance_trackings', ofThis())).length === 1);
    expect(await old.all('ambulance_trackings', ofThis())).toMatchObject([{ speed: 0, heading: 0 }]);
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

  it('of two requests within a second are two, each with the times of its receipt, in any order', async () => {
    const bus = service.service.app.get(EventBus);
    // The wall time of the names is in another zone.
    const at = (ms: number): Date => new Date(T0 + ms);
    const posts = [0, 700, 1_400, 2_100].map((ms, n) => ({
      at: at(ms),
      names: [name(7, n), name(7, n + 5)],
    }));
    const offer = async (n: number, names = posts[n]?.names ?? []): Promise<void> => {
      bus.publish('legacy-snapshot.stored', {
        vehicleId,
        at: posts[n]?.at ?? null,
        names,
        originalFields: {},
      });
      await until(async () => (await lag()) === 0);
    };
    for (const n of [1, 3, 0, 2, 1, 3]) await offer(n);
    // A part, as a read of storage gives it while the request is being stored.
    await offer(2, posts[2]?.names.slice(0, 1));
    const document = (n: number) => {
      const { at: createdAt, names = [] } = posts[n] ?? {};
      const images = { image0: names[0], image1: names[1] };
      return { ...ofThis(), images, createdAt, updatedAt: createdAt, __v: 0 };
    };
    const histories = (await former()).sort((a, b) => a.createdAt - b.createdAt);
    expect(histories).toMatchObject([document(0), document(1), document(2)]);
    expect(histories.map(({ _id }) => _id.getTimestamp().getTime() / 1_000)).toEqual(
      [0, 700, 1_400].map((ms) => Math.floor((T0 + ms) / 1_000)),
    );
    const [newest, ...more] = await old.all('ambulance_images', ofThis());
    expect(more).toEqual([]);
    expect(newest).toMatchObject({ ...document(3), createdAt: at(700) });
    // The history that this request replaced.
    expect(newest.ambulance_image_histories_id).toEqual(histories[1]?._id);
  });

  it('of requests that several instances write at once are all kept', async () => {
    const repository = service.service.app.get(PictureCollectionsRepository);
    const posts = [1, 2, 3, 4].map((n) => ({ at: new Date(T0 + n * 700), names: [name(n)] }));
    await Promise.all(posts.map((post) => repository.upsert(ambulanceId, post)));
    const kept = (await former()).map(({ images }) => images.image0).sort();
    expect([kept, await current()]).toEqual([[name(1), name(2), name(3)], { image0: name(4) }]);
    expect(await old.all('ambulance_images', ofThis())).toHaveLength(1);
  });

  it('replace those of the old server by their receipt, whatever the time in the names', async () => {
    const updatedAt = new Date(T0);
    const theirs = { image0: name(59) };
    await old
      .collection('ambulance_images')
      .insertOne({ ...ofThis(), images: theirs, updatedAt, note: 'theirs' });
    const bus = service.service.app.get(EventBus);
    const at = new Date(T0 + 700);
    bus.publish('legacy-snapshot.stored', { vehicleId, at, names: [name(1)], originalFields: {} });
    await until(async () => (await former()).length === 1);
    expect(await former()).toMatchObject([{ images: theirs, createdAt: updatedAt }]);
    await until(async () => (await current())?.image0 === name(1));
    expect(await old.all('ambulance_images', ofThis())).toMatchObject([{ note: 'theirs', updatedAt: at }]);
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
      speed: 90.36,
      heading: '3',
      location_detail: { address: '', image: '' },
      app_notification: 0,
      createdAt: new Date(T0),
      updatedAt: new Date(T0),
      __v: 0,
    };
    expect(await crashes()).toEqual([{ _id: OldDatabase.id(id), ...ofThis(), ...expected }]);
    await old.collection('ambulance_crashes').updateOne({ _id: OldDatabase.id(id) }, { $set: { speed: 1 } });
    bus.publish('crash.recorded', { crash });
    await until(async () => (await lag()) === 0);
    expect(await crashes()).toMatchObject([{ ...expected, speed: 1 }]);
  });

  it('without a place or a heading have every key that a page opens', async () => {
    const nothing = { lat: null, lon: null, speedMps: null, headingDeg: null };
    await record(nothing);
    expect(await old.all('ambulance_crashes', ofThis())).toMatchObject([
      { location: { lat: 0, lon: 0 }, speed: 0, heading: 'nan' },
    ]);
  });

  it('have their document before a panel receives them', async () => {
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join(`CRASH_NOTIFY_${vehicleId}`);
    const looks: Promise<unknown>[] = [];
    panel.socket.on('data', (text: string) => {
      const { ambulance_crashes_id: id } = JSON.parse(text) as { ambulance_crashes_id: string };
      looks.push(old.collection('ambulance_crashes').findOne({ _id: OldDatabase.id(id) }));
    });
    for (let n = 0; n < 20; n += 1) await record({ reportedAt: new Date(T0 + n * 2_000) });
    await until(() => looks.length === 20, 'the notices');
    expect((await Promise.all(looks)).filter((document) => document !== null)).toHaveLength(20);
    panel.close();
  });

  it('are sent to panels within seconds also while their collection cannot be written', async () => {
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join(`CRASH_NOTIFY_${vehicleId}`);
    const repository = service.service.app.get(CrashCollectionRepository);
    const write = jest.spyOn(repository, 'upsert').mockRejectedValueOnce(new Error('refused'));
    await record({});
    await panel.frames(1);
    await until(async () => (await old.all('ambulance_crashes', ofThis())).length === 1);
    write.mockImplementationOnce(() => new Promise(() => undefined));
    await record({ reportedAt: new Date(T0 + 10_000) });
    await panel.frames(2);
    write.mockRestore();
    panel.close();
  });

  const record = (more: object): Promise<unknown> => {
    const place = { lat: 13.7, lon: 100.5, speedMps: 5, headingDeg: 3 };
    const report = { vehicleId, reportedAt: new Date(T0), ...place, ...more };
    return recordCrash(service, report);
  };
});

/** The largest lag of the three mirrors, seconds. */
async function lag(): Promise<number> {
  const { samples } = await Scrape.of(service);
  const lags = samples.filter(({ name }) => name === 'samserver_legacy_collections_lag_seconds');
  expect(lags.map(({ labels }) => labels['kind'])).toEqual(['trackings', 'pictures', 'crashes']);
  return Math.max(...lags.map(({ value }) => value));
}

it('names the time zones that fit the old pictures, and degrades, when LEGACY_TIME_ZONE does not', async () => {
  const updatedAt = new Date();
  const wall = new Date(updatedAt.getTime() + 7 * 3_600_000);
  const [hour, minute] = [wall.getUTCHours(), wall.getUTCMinutes()];
  const day = `${wall.getUTCFullYear()}/${wall.getUTCMonth() + 1}/${wall.getUTCDate()}`;
  const images = { image0: `uploads/ambulance_images/x/${day}/${hour}_${minute}/${minute}_0_1001.jpg` };
  const documents = Array.from({ length: 20 }, () => ({
    ambulance_id: new Types.ObjectId(),
    images,
    updatedAt,
  }));
  await old.collection('ambulance_images').insertMany(documents);
  const reasonsWith = async (zone: string): Promise<unknown> => {
    const instance = await service.another({ LEGACY_TIME_ZONE: zone });
    try {
      const backlogs = async () =>
        (await call(instance, 'GET', '/ready', { token: OPS_TOKEN })).body.checks.backlogs;
      if (zone === 'UTC') await until(async () => (await backlogs()).detail.old_time_zone !== undefined);
      return (await backlogs()).detail.old_time_zone?.zones ?? null;
    } finally {
      await instance.stop();
    }
  };
  expect(await reasonsWith('UTC')).toContain('Asia/Bangkok');
  expect(await reasonsWith('Asia/Bangkok')).toBeNull();
  const ambulances = documents.map(({ ambulance_id: id }) => id);
  await old.collection('ambulance_images').deleteMany({ ambulance_id: { $in: ambulances } });
});

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
    expect(Object.keys(body.checks.backlogs.detail)).toEqual(['legacy_roles']);
  } finally {
    await quiet.stop();
  }
});
