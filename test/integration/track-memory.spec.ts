import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import { Redis } from '../../src/cluster/index.js';
import { storageUnavailable } from '../../src/database/index.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { QuarantineRepository } from '../../src/tracking/quarantine/quarantine.repository.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(200);

const startMs = Date.now() - 3_600_000;
const fix = (second: number) => ({
  lat: 48,
  lon: 11,
  time: new Date(startMs + second * 1_000).toISOString(),
});

let one: TestService;
let deviceToken: string;
let second: number;
beforeAll(async () => {
  one = await startTestService();
});
afterAll(() => one.stop());
beforeEach(async () => {
  ({ deviceToken } = await newVehicle(one, await adminToken(one)));
  second = 0;
});
afterEach(() => void jest.restoreAllMocks());

const report = (instance: Instance, ...positions: unknown[]) =>
  call(instance, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions } });

/** Reports one new position. @returns whether the instance has read storage for it */
async function readsFor(instance: Instance): Promise<boolean> {
  const { app } = instance.service;
  const positions = app.get(PositionsRepository);
  const quarantine = app.get(QuarantineRepository);
  const reads = [
    jest.spyOn(positions, 'findNewest'),
    jest.spyOn(positions, 'findBefore'),
    jest.spyOn(quarantine, 'findHeldCodes'),
    jest.spyOn(quarantine, 'listNewestTimes'),
  ];
  const { body } = await report(instance, fix((second += 1)));
  expect(body.results).toEqual([{ index: 0, verdict: 'stored' }]);
  const count = reads.reduce((sum, read) => sum + read.mock.calls.length, 0);
  for (const read of reads) read.mockRestore();
  return count > 0;
}
const untilInMemory = (instance: Instance) =>
  until(async () => !(await readsFor(instance)), 'a report without a read');

it('a single instance reads nothing for a vehicle that reports newer positions', async () => {
  await untilInMemory(one);
  for (let n = 0; n < 5; n += 1) expect(await readsFor(one)).toBe(false);
});

it('judges what is not newer as before, and then again without a read', async () => {
  await untilInMemory(one);
  const { body } = await report(one, fix(second), fix(second - 1), { ...fix(second), lat: 48.001 });
  expect(body.results).toMatchObject([
    { verdict: 'duplicate' },
    { verdict: 'duplicate' },
    { verdict: 'quarantined', code: 'time_conflict' },
  ]);
  const jump = { ...fix(second + 1), lat: 50 };
  for (let n = 0; n < 2; n += 1)
    expect((await report(one, jump)).body.results).toMatchObject([{ verdict: 'quarantined', code: 'jump' }]);
  second += 1;
  expect(await readsFor(one)).toBe(false);
});

it('reads again after a write that was not confirmed', async () => {
  await untilInMemory(one);
  jest.spyOn(one.service.app.get(PositionsRepository), 'insert').mockRejectedValueOnce(storageUnavailable());
  expect((await report(one, fix(second + 1))).status).toBe(503);
  for (let n = 0; n < 3; n += 1) expect(await readsFor(one)).toBe(true);
});

it('without Redis, reads while another instance is alive, and judges from what that one has stored', async () => {
  await untilInMemory(one);
  const other = await one.another();
  try {
    await report(other, fix(second + 100));
    const { body } = await report(one, fix(second + 50));
    expect(body.results).toEqual([{ index: 0, verdict: 'stored', late: true }]);
    second += 100;
    for (let n = 0; n < 3; n += 1) for (const each of [one, other]) expect(await readsFor(each)).toBe(true);
  } finally {
    await other.stop();
  }
  await untilInMemory(one);
});

it('notices an instance that was there for a moment only', async () => {
  await untilInMemory(one);
  const other = await one.another();
  await report(other, fix(second + 100));
  await other.stop();
  const { body } = await report(one, fix(second + 50));
  expect(body.results).toEqual([{ index: 0, verdict: 'stored', late: true }]);
});

describeWithRedis('two instances with Redis', () => {
  let redis: RedisServer;
  const isUp = ({ service }: Instance): boolean => service.app.get(Redis).isUp;
  beforeAll(async () => {
    redis = await RedisServer.start();
  });
  afterAll(() => redis.stop());

  it('read the vehicles again when Redis comes back with the owners of an earlier time', async () => {
    const here = await startTestService({ REDIS_URL: redis.url });
    const there = await here.another();
    try {
      const vehicle = await newVehicle(here, await adminToken(here));
      deviceToken = vehicle.deviceToken;
      const key = `samserver:track:${vehicle.vehicleId}`;
      await until(() => isUp(here) && isUp(there), 'Redis to be up');
      await untilInMemory(here);
      const ownerBefore = redis.command('GET', key);
      await report(there, fix(second + 100));
      expect(redis.command('GET', key)).not.toBe(ownerBefore);

      await redis.kill();
      await until(() => !isUp(here) && !isUp(there), 'Redis to be down');
      await redis.start();
      redis.command('SET', key, ownerBefore);
      await until(() => isUp(here) && isUp(there), 'Redis to be up again');
      const { body } = await report(here, fix(second + 50));
      expect(body.results).toEqual([{ index: 0, verdict: 'stored', late: true }]);
    } finally {
      await there.stop();
      await here.stop();
    }
  });
});
