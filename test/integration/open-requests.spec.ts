import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { mongo } from 'mongoose';
import { Clock } from '../../src/core/index.js';
import { OpenRequestsService } from '../../src/legacy/open-requests/open-requests.service.js';
import { adminToken, call } from '../support/http.js';
import { isRealMongo } from '../support/embedded-mongo.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let old: OldDatabase;
let requests: OpenRequestsService;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  old = await OldDatabase.open(service.database.url);
  requests = service.service.app.get(OpenRequestsService);
});
afterAll(async () => {
  await old.close();
  await service.stop();
});

const PLACE = { lat: 13.7, lon: 100.5, speedMps: 10 };
const ask = (fields: object) =>
  old.collection('aoc_requests').insertOne({ request_type: 'EMERGENCY', ...fields });
const theirs = async (code: string) => OldDatabase.id(await old.addAmbulance(code));

it('finds the requests that are neither completed nor cancelled', async () => {
  const ids = await Promise.all(['1', '2', '3', '4', '5', '6'].map(theirs));
  const [a, b, c, d, e] = ids;
  await ask({ ambulance_id: a, request_status: 'ON_THE_WAY' });
  await ask({ ambulance_id: b, request_status: 'COMPLETED' });
  await ask({ ambulance_id: c, request_status: 'CANCELED' });
  await ask({ ambulance_id: d });
  await ask({ ambulance_id: e, request_status: 'ASSIGNED', request_type: undefined });
  const vehicleIds = ids.map(String);
  await requests.refreshNow(vehicleIds);
  expect(vehicleIds.map((id) => requests.requestOf(id, PLACE)?.requestType ?? null)).toEqual([
    'EMERGENCY',
    null,
    null,
    'EMERGENCY',
    '',
    null,
  ]);
});

it('takes the oldest of several open requests, as the old server and its programs do', async () => {
  const id = await theirs('10');
  const types = ['FIRST', 'SECOND', 'THIRD'];
  for (const request_type of types) await ask({ ambulance_id: id, request_status: 'IDEAL', request_type });
  await requests.refreshNow([String(id)]);
  expect(requests.requestOf(String(id), PLACE)?.requestType).toBe('FIRST');
});

it('estimates the time left, with its source, or null', async () => {
  const id = await theirs('7');
  await ask({ ambulance_id: id, request_status: 'ON_THE_WAY' });
  await requests.refreshNow([String(id)]);
  expect(requests.requestOf(String(id), PLACE)).toMatchObject({ estimatedMinutes: null, estimatedBy: null });

  const destination_location = { lat: 13.8, lon: 100.5 };
  await old.collection('ambulance_trackings').insertOne({ ambulance_id: id, destination_location });
  await requests.refreshNow([String(id)]);
  // 11,119 m
  const request = requests.requestOf(String(id), PLACE);
  expect(request?.estimatedBy).toBe('great-circle');
  expect(request?.estimatedMinutes).toBeCloseTo(18.53, 2);
  expect(requests.requestOf(String(id), { ...PLACE, speedMps: 0 })).toMatchObject({ estimatedBy: null });
  const scrape = await Scrape.of(service);
  expect(scrape.value('samserver_legacy_time_left_total', { way: 'great-circle' })).toBe(1);
});

it('finds a vehicle by its box code, and reads again in the background', async () => {
  const id = await theirs('8');
  const admin = await adminToken(service);
  const body = { callSign: 'V', registration: 'V', type: 'als', boxCode: '8' };
  const vehicle = await call(service, 'POST', '/api/v1/vehicles', { token: admin, body });
  const of = () => requests.requestOf(vehicle.body.id as string, PLACE);
  expect(of()).toBeNull();
  await ask({ ambulance_id: id, request_status: 'NEW' });
  const clock = service.service.app.get(Clock);
  const late = jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 60_000);
  await until(() => of() !== null);
  expect(of()).toMatchObject({ requestType: 'EMERGENCY' });
  late.mockRestore();
});

(isRealMongo ? it.skip : it)('reads few documents between two complete reads', async () => {
  const clock = service.service.app.get(Clock);
  const id = await theirs('9');
  const daysAgo = (days: number) => mongo.ObjectId.createFromTime(Date.now() / 1_000 - days * 86_400);
  const done = Array.from({ length: 2_000 }, (_, n) => ({
    _id: daysAgo(n + 1),
    request_status: 'COMPLETED',
  }));
  await old
    .collection('aoc_requests')
    .insertMany([...done, { _id: daysAgo(0.5), ambulance_id: id }] as never[]);
  const examinedBy = async (work: () => Promise<unknown>): Promise<number> => {
    const before = service.database.stats?.documentsExamined ?? 0;
    await work();
    return (service.database.stats?.documentsExamined ?? 0) - before;
  };
  const read = () => requests.refreshNow([String(id)]);
  const later = jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 660_000);
  expect(await examinedBy(read)).toBeGreaterThanOrEqual(2_000);
  expect(await examinedBy(read)).toBeLessThan(500);
  expect(requests.peek(String(id), PLACE)).not.toBeNull();
  await old
    .collection('aoc_requests')
    .updateMany({ ambulance_id: id }, { $set: { request_status: 'COMPLETED' } });
  await read();
  expect(requests.peek(String(id), PLACE)).toBeNull();
  later.mockRestore();
});
