import { getModelToken } from '@nestjs/mongoose';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Model, Types } from 'mongoose';
import { PositionRetention } from '../../src/tracking/index.js';
import { storeFixes } from '../support/fixes.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

const DAY_MS = 86_400_000;
const DAYS = 30;

let service: TestService;
let token: string;
let retention: PositionRetention;
beforeAll(async () => {
  // The sweeps of the service are off; each test calls its own.
  service = await startTestService();
  token = await adminToken(service);
  retention = service.service.app.get(PositionRetention);
});
afterAll(() => service.stop());

const daysAgo = (days: number): number => Date.now() - days * DAY_MS;

async function timesOf(vehicleId: string): Promise<number[]> {
  const { body } = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions?limit=5000`, {
    token,
  });
  return body.items.map(({ time }: { time: string }) => Date.parse(time));
}

describe('retention', () => {
  it('deletes older positions by the time of the fix, those of archived vehicles too', async () => {
    const [one, archived] = [await newVehicle(service, token), await newVehicle(service, token)];
    const times = [daysAgo(60), daysAgo(31), daysAgo(29), daysAgo(0)];
    for (const { vehicleId } of [one, archived]) await storeFixes(service, vehicleId, times);
    await call(service, 'DELETE', `/api/v1/vehicles/${archived.vehicleId}`, { token });
    expect(await retention.sweep(DAYS)).toMatchObject({ positions: 4 });
    for (const { vehicleId } of [one, archived]) expect(await timesOf(vehicleId)).toEqual(times.slice(2));
    expect(await retention.sweep(DAYS)).toEqual({ positions: 0, quarantined: 0 });
  });

  it.each([1, 2, 499, 500, 501, 502, 1_200])(
    'keeps the newest position of a vehicle, however old, of %i',
    async (count) => {
      const { vehicleId } = await newVehicle(service, token);
      const times = Array.from({ length: count }, (_, n) => daysAgo(90) + n * 1_000);
      await storeFixes(service, vehicleId, times);
      expect(await retention.sweep(DAYS)).toMatchObject({ positions: count - 1 });
      expect(await timesOf(vehicleId)).toEqual(times.slice(-1));
    },
  );

  it('deletes quarantined positions by arrival, because their own time can be wrong', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const { collection } = service.service.app.get<Model<unknown>>(getModelToken('QuarantineRecord'));
    // 1,200 documents, every third of them recent: more than two steps.
    const documents = Array.from({ length: 1_200 }, (_, n) => {
      const _id = Buffer.alloc(28);
      _id.write(vehicleId, 0, 'hex');
      _id.writeUInt32BE(n, 16);
      const receivedAt = new Date(daysAgo(n % 3 === 0 ? 1 : 40));
      return { _id, vehicleId: new Types.ObjectId(vehicleId), code: 'future', receivedAt };
    });
    await collection.insertMany(documents as never);
    expect(await retention.sweep(DAYS)).toEqual({ positions: 0, quarantined: 800 });
    const left = await collection.find({ vehicleId: new Types.ObjectId(vehicleId) }).toArray();
    expect(left).toHaveLength(400);
  });

  it('counts from the receipt of a position that is older than its arrival', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const startMs = daysAgo(5_000);
    const times = Array.from({ length: 1_200 }, (_, n) => startMs + n * 1_000);
    // Every third one arrived long ago.
    const arrival = (timeMs: number) => ((timeMs - startMs) % 3_000 === 0 ? daysAgo(40) : daysAgo(1));
    await storeFixes(service, vehicleId, times, arrival);
    expect(await retention.sweep(DAYS)).toEqual({ positions: 400, quarantined: 0 });
    expect(await timesOf(vehicleId)).toEqual(times.filter((timeMs) => arrival(timeMs) > daysAgo(DAYS)));
  });

  it('may run twice at once', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const times = Array.from({ length: 2_000 }, (_, n) => daysAgo(90) + n * 1_000);
    await storeFixes(service, vehicleId, [...times, daysAgo(1)]);
    await Promise.all([retention.sweep(DAYS), retention.sweep(DAYS)]);
    expect(await timesOf(vehicleId)).toHaveLength(1);
  });
});

describe('POSITION_RETENTION_DAYS', () => {
  it('starts the periodic sweep', async () => {
    // A device without the date: its fixes of 2012 are acknowledged just now. The sweep reaches its vehicle first.
    const old = await newVehicle(service, token);
    const positions = [0, 1, 2].map((n) => ({ lat: 48, lon: 11, time: `2012-01-01T00:00:0${n}.000Z` }));
    await call(service, 'POST', '/api/v1/positions', { token: old.deviceToken, body: { positions } });
    const { vehicleId } = await newVehicle(service, token);
    await storeFixes(service, vehicleId, [daysAgo(40), daysAgo(1)]);
    // A second instance on the same database.
    const other = await startTestService({
      MONGODB_URL: service.database.url,
      POSITION_RETENTION_DAYS: String(DAYS),
    });
    try {
      await until(async () => (await timesOf(vehicleId)).length === 1);
      expect(await timesOf(old.vehicleId)).toHaveLength(3);
    } finally {
      await other.stop();
    }
  });
});
