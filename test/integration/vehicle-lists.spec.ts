import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { EventStream } from '../../src/cluster/index.js';
import { storageUnavailable } from '../../src/database/index.js';
import { VehiclesRepository } from '../../src/vehicles/vehicles.repository.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const COUNT = 5;

let service: TestService;
let token: string;
const ids: string[] = [];
const deviceTokens: string[] = [];
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
  for (let n = 0; n < COUNT; n += 1) {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    ids.push(vehicleId);
    deviceTokens.push(deviceToken);
  }
});
afterEach(() => void jest.restoreAllMocks());
afterAll(() => service.stop());

type Row = Readonly<Record<string, unknown>> & { readonly id: string };
const list = async (query: string, instance: Instance = service): Promise<Row[]> =>
  (await call(instance, 'GET', `/api/v1/vehicles?${query}`, { token })).body.items;
const one = async (id: string | undefined, instance: Instance = service): Promise<Row> =>
  (await call(instance, 'GET', `/api/v1/vehicles/${id}`, { token })).body;
const patch = (id: string | undefined, body: unknown, instance: Instance = service) =>
  call(instance, 'PATCH', `/api/v1/vehicles/${id}`, { token, body });
const idsOf = (rows: readonly Row[]): string[] => rows.map(({ id }) => id);
const readsOf = (instance: Instance = service) => {
  const repository = instance.service.app.get(VehiclesRepository);
  return { list: jest.spyOn(repository, 'list'), statuses: jest.spyOn(repository, 'statuses') };
};

it('a list is read once from storage, also while statuses and positions change, and shows each change at once', async () => {
  const before = await list('limit=4');
  expect(idsOf(before)).toEqual(ids.slice(0, 4));
  const reads = readsOf();
  for (const [n, status] of ['dispatched', 'on_scene', 'available'].entries()) {
    await patch(ids[2], { status, boxCode: `box "${n}"` });
    const time = new Date(Date.now() + n).toISOString();
    const positions = [{ lat: 48, lon: 11 + n / 1e5, time, speedMps: n }];
    await call(service, 'POST', '/api/v1/positions', { token: deviceTokens[2], body: { positions } });
    const shown = (await list('limit=4'))[2];
    expect(shown).toMatchObject({ status, boxCode: `box "${n}"`, lastPosition: { time } });
    expect(JSON.stringify(shown)).toBe(JSON.stringify(await one(ids[2])));
  }
  expect(reads.list).not.toHaveBeenCalled();
});

it('a filtered list has a vehicle from the moment that it matches until it does not', async () => {
  for (const status of ['on_scene', 'transporting', 'on_scene']) {
    await patch(ids[1], { status });
    const isShown = idsOf(await list('status=on_scene&type=als')).includes(ids[1] ?? '');
    expect(isShown).toBe(status === 'on_scene');
  }
  await patch(ids[1], { callSign: 'renamed' });
  expect(idsOf(await list('q=renamed'))).toEqual([ids[1]]);
});

it('a new vehicle and an archived one change the pages at once', async () => {
  const page = `limit=500`;
  expect(idsOf(await list(page))).toEqual(ids);
  const { vehicleId } = await newVehicle(service, token);
  expect(idsOf(await list(page))).toEqual([...ids, vehicleId]);
  await call(service, 'DELETE', `/api/v1/vehicles/${vehicleId}`, { token });
  expect(idsOf(await list(page))).toEqual(ids);
});

it('a write without an answer of storage is in the next list', async () => {
  await list('limit=3');
  const repository = service.service.app.get(VehiclesRepository);
  const update = repository.update.bind(repository);
  jest.spyOn(repository, 'update').mockImplementationOnce(async (...write) => {
    await update(...write);
    throw storageUnavailable();
  });
  expect((await patch(ids[0], { type: 'rescue' })).status).toBe(503);
  expect((await list('limit=3'))[0]).toMatchObject({ id: ids[0], type: 'rescue' });
});

it('the statuses for the nearest vehicles are read once, and each change counts at once', async () => {
  const excluded = async (): Promise<number> =>
    (await call(service, 'GET', '/api/v1/vehicles/nearest?lat=48&lon=11', { token })).body.excluded.status;
  await patch(ids[3], { status: 'available' });
  const before = await excluded();
  const reads = readsOf();
  for (const [status, more] of [
    ['dispatched', 1],
    ['available', 0],
    ['out_of_service', 1],
    ['available', 0],
  ] as const) {
    await patch(ids[3], { status });
    expect(await excluded()).toBe(before + more);
  }
  expect(reads.statuses).not.toHaveBeenCalled();
});

describeWithRedis('the lists of two instances', () => {
  let redis: RedisServer;
  let here: TestService;
  let there: Instance;
  const isComplete = ({ service: { app } }: Instance): boolean =>
    app.get(EventStream).memberIds.size === 1 && app.get(EventStream).receivesFromAll;
  beforeAll(async () => {
    redis = await RedisServer.start();
    here = await startTestService({ REDIS_URL: redis.url });
    there = await here.another();
    token = await adminToken(here);
  });
  afterAll(async () => {
    await there.stop();
    await here.stop();
    await redis.stop();
  });

  it('show a change of the other one with its event, byte for byte, without a read', async () => {
    const { vehicleId } = await newVehicle(here, token);
    await until(() => isComplete(here) && isComplete(there), 'the events of both to arrive');
    await until(async () => (await list('limit=500', there)).length === 1, 'the vehicle');
    const reads = readsOf(there);
    for (const status of ['dispatched', 'on_scene']) {
      await patch(vehicleId, { status, boxCode: status }, here);
      const isShown = async () => (await list('limit=500', there))[0]?.['status'] === status;
      await until(isShown, `the status ${status}`);
      expect(JSON.stringify(await list('limit=500', there))).toBe(
        JSON.stringify([await one(vehicleId, here)]),
      );
    }
    expect(reads.list).not.toHaveBeenCalled();
  });

  it('are read from storage while events of the other one do not arrive', async () => {
    const { vehicleId } = await newVehicle(here, token);
    await redis.kill();
    await until(() => !there.service.app.get(EventStream).receivesFromAll, 'the stream to be cut');
    for (const status of ['dispatched', 'on_scene']) {
      await patch(vehicleId, { status }, here);
      expect((await list('limit=500', there)).at(-1)).toMatchObject({ id: vehicleId, status });
    }
    await redis.start();
  });
});
