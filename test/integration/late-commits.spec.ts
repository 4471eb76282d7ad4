import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { getModelToken } from '@nestjs/mongoose';
import { type Model, Types } from 'mongoose';
import { Clock } from '../../src/core/index.js';
import { CrashesRepository } from '../../src/crashes/crashes.repository.js';
import { storageUnavailable } from '../../src/database/index.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { VehiclesRepository } from '../../src/vehicles/vehicles.repository.js';
import { recordCrash } from '../support/crashes.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { stallingDatabase, type StallingProxy } from '../support/stalling-proxy.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

/** Longer than the overlap of a replay and the clock skew that it covers. */
const LATE_MS = 7_000;

let database: TestDatabase;
let proxy: StallingProxy;
/** Works on the database through the proxy. */
let one: TestService;
let other: TestService;
let token: string;
let vehicleId: string;
let deviceToken: string;
let aheadMs = 0;
beforeAll(async () => {
  database = await startTestDatabase();
  const stalling = await stallingDatabase(database.url);
  proxy = stalling.proxy;
  one = await startTestService({}, { ...database, url: stalling.url });
  other = await startTestService({}, database);
  for (const { service } of [one, other])
    jest.spyOn(service.app.get(Clock), 'nowMs').mockImplementation(() => Date.now() + aheadMs);
  token = await adminToken(one);
});
afterAll(async () => {
  proxy.resume();
  await other.stop();
  await one.stop();
  await proxy.close();
  await database.stop();
});
beforeEach(async () => {
  aheadMs = 0;
  ({ vehicleId, deviceToken } = await newVehicle(one, token));
});

const fix = (change: object = {}) => ({
  lat: 48,
  lon: 11,
  time: new Date(Date.now() - 60_000).toISOString(),
  ...change,
});
const report = (position: unknown) =>
  call(one, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions: [position] } });

async function watch(instance: Instance, since?: string) {
  const socket = await connectSocket(instance.socketUrl, '/live', token);
  const seen: unknown[] = [];
  socket.on('positions', ({ items }) =>
    seen.push(...items.map((item: { position: { time: string } }) => item.position.time)),
  );
  socket.on('vehicle', ({ vehicle }) => seen.push(vehicle.status));
  socket.on('crash', ({ crash }) => seen.push(crash.id));
  const { cursor } = await ask(socket, 'watch', { vehicleIds: [vehicleId], ...(since && { since }) });
  return { seen, cursor: cursor as string, close: () => socket.close() };
}

/**
 * The database of one instance stalls when the write begins, and answers when it is late.
 * @returns a cursor of the other instance from just before the end of the write
 */
async function writeLate<Name extends string>(
  repository: Record<Name, (...args: never[]) => Promise<unknown>>,
  method: Name,
  act: () => Promise<unknown>,
): Promise<string> {
  const original = repository[method].bind(repository);
  const begun = new Promise<void>((resolve) => {
    repository[method] = (...args) => {
      repository[method] = original;
      proxy.stall();
      resolve();
      return original(...args);
    };
  });
  const done = act();
  await begun;
  aheadMs = LATE_MS;
  const { cursor, close } = await watch(other);
  close();
  proxy.resume();
  await done;
  return cursor;
}

const get = <T>(type: new (...args: never[]) => T): T => one.service.app.get(type, { strict: false });
const positions = () => get(PositionsRepository) as never;

async function expectReplayed(what: unknown, cursor: string): Promise<void> {
  const { seen, close } = await watch(other, cursor);
  await until(() => seen.includes(what), `the replay of ${String(what)}`);
  close();
}

describe('what is committed late is in a replay from a newer cursor', () => {
  it('a position', async () => {
    const position = fix();
    let answer: unknown;
    const cursor = await writeLate(positions(), 'insert', async () => (answer = await report(position)));
    expect(answer).toMatchObject({ status: 200, body: { stored: 1 } });
    await expectReplayed(position.time, cursor);
  });

  it('a position whose write was not confirmed', async () => {
    const position = fix();
    const repository = get(PositionsRepository);
    const insert = repository.insert.bind(repository);
    repository.insert = async (recorded) => {
      repository.insert = insert;
      await insert(recorded);
      aheadMs = LATE_MS;
      throw storageUnavailable(new Error('not confirmed'));
    };
    const watcher = await watch(one);
    expect((await report(position)).status).toBe(503);
    const { cursor, close } = await watch(other);
    close();
    await until(() => watcher.seen.length > 0, 'the position to be published');
    watcher.close();
    await expectReplayed(position.time, cursor);
  });

  it('a position that is released from quarantine', async () => {
    const position = fix({ accuracyM: 9_000 });
    await report(position);
    const { body } = await call(one, 'GET', `/api/v1/quarantine?vehicleId=${vehicleId}`, { token });
    const cursor = await writeLate(positions(), 'replace', () =>
      call(one, 'POST', `/api/v1/quarantine/${body.items[0].id}/release`, { token }),
    );
    await expectReplayed(position.time, cursor);
  });

  it('a change of a vehicle', async () => {
    const body = { status: 'on_scene' };
    const cursor = await writeLate(get(VehiclesRepository) as never, 'update', () =>
      call(one, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body }),
    );
    await expectReplayed('on_scene', cursor);
  });

  it('a crash', async () => {
    const report = { vehicleId, reportedAt: new Date(), lat: 48, lon: 11, speedMps: null, headingDeg: null };
    let id = '';
    const cursor = await writeLate(get(CrashesRepository) as never, 'add', async () => {
      ({ id } = await recordCrash(one, report));
    });
    await expectReplayed(id, cursor);
  });
});

it('a crew event that becomes readable late is published', async () => {
  const socket = await connectSocket(other.socketUrl, '/live', token);
  const seen: string[] = [];
  socket.on('crew', ({ event }) => seen.push(event.id));
  await ask(socket, 'watch', {});
  const { collection } = one.service.app.get<Model<unknown>>(getModelToken('CrewEventRecord'));
  const record = (id: string, ageMs: number): Promise<unknown> =>
    collection.insertOne({
      _id: id,
      vehicleId: new Types.ObjectId(vehicleId),
      type: 'online',
      at: new Date(),
      lat: 48,
      lon: 11,
      averageKmh: null,
      requestId: null,
      minutesLeft: null,
      recordedAt: new Date(Date.now() - ageMs),
      late: false,
      ambulanceId: '1',
      sendState: 'kept',
      attempts: 0,
      nextAttemptAt: new Date(),
      giveUpAt: new Date(),
      failure: null,
      sentAt: null,
    } as never);
  await record('first', 0);
  await until(() => seen.includes('first'), 'the newer event');
  await record('second', LATE_MS);
  await until(() => seen.includes('second'), 'the event that was recorded before');
  socket.close();
});
