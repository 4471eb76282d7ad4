import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Crash } from '../../src/crashes/index.js';
import { recordCrash } from '../support/crashes.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
let vehicleId: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
  ({ vehicleId } = await newVehicle(service, token));
});
afterAll(() => service.stop());

const REPORTED_MS = Date.parse('2026-11-01T10:00:00.412Z');
const report = (vehicle: string, change: Partial<Omit<Crash, 'id'>> = {}): Omit<Crash, 'id'> => ({
  vehicleId: vehicle,
  reportedAt: new Date(REPORTED_MS),
  lat: 48.1,
  lon: 11.5,
  speedMps: 13.9,
  headingDeg: 87,
  ...change,
});
const record = (each: Omit<Crash, 'id'>) => recordCrash(service, each);
const list = (query: string) => call(service, 'GET', `/api/v1/crashes?${query}`, { token });

describe('GET /api/v1/crashes', () => {
  it('lists newest first, of one vehicle or of all, and gets one by id', async () => {
    const other = (await newVehicle(service, token)).vehicleId;
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const reportedAt = new Date(REPORTED_MS + n * 1_000);
      ids.unshift((await record(report(n === 2 ? other : vehicleId, { reportedAt }))).id);
    }
    const first = await list('limit=3');
    expect(first.body.items.map(({ id }: { id: string }) => id)).toEqual(ids.slice(0, 3));
    const second = await list(`limit=3&cursor=${first.body.nextCursor}`);
    expect(second.body.items.map(({ id }: { id: string }) => id)).toEqual(ids.slice(3));
    expect(second.body.nextCursor).toBeNull();
    const ofOther = await list(`vehicleId=${other.toUpperCase()}`);
    expect(ofOther.body.items.map(({ id }: { id: string }) => id)).toEqual([ids[2]]);

    const { status, body } = await call(service, 'GET', `/api/v1/crashes/${ids[2]}`, { token });
    expect([status, body]).toEqual([
      200,
      { id: ids[2], ...report(other), reportedAt: '2026-11-01T10:00:02.412Z' },
    ]);
  });

  it('stores a crash without place, speed and heading as null', async () => {
    const nothing = { lat: null, lon: null, speedMps: null, headingDeg: null };
    const { id } = await record(
      report(vehicleId, { ...nothing, reportedAt: new Date(REPORTED_MS + 10_000) }),
    );
    expect((await call(service, 'GET', `/api/v1/crashes/${id}`, { token })).body).toMatchObject(nothing);
  });

  it.each(['66f0c0ffee0123456789abcd', 'x', '../users'])('has no %s', async (id) => {
    const { status, body } = await call(service, 'GET', `/api/v1/crashes/${encodeURIComponent(id)}`, {
      token,
    });
    expect([status, body.code]).toEqual([404, 'crashes/not-found']);
  });

  it.each(['limit=0', 'limit=501', 'cursor=x', 'vehicleId=x', 'vehicle=1'])('refuses ?%s', async (query) => {
    const { status, body } = await list(query);
    expect([status, body.code]).toEqual([400, 'input/invalid']);
  });
});

describe('/live', () => {
  it('sends a crash at once, and again to a client with an earlier cursor', async () => {
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const received: { cursor: string; crash: { id: string } }[] = [];
    subscriber.on('crash', (notice) => received.push(notice));
    const { cursor } = await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    const elsewhere = await record(report((await newVehicle(service, token)).vehicleId));
    const crash = await record(report(vehicleId));
    await until(() => received.length > 0);
    expect(received).toEqual([
      {
        cursor: expect.any(String),
        crash: { ...report(vehicleId), id: crash.id, reportedAt: crash.reportedAt.toISOString() },
      },
    ]);
    subscriber.close();

    const back = await connectSocket(service.socketUrl, '/live', token);
    const again: string[] = [];
    back.on('crash', (notice: { crash: { id: string } }) => again.push(notice.crash.id));
    await ask(back, 'watch', { vehicleIds: [vehicleId], since: cursor });
    await until(() => again.includes(crash.id));
    expect(again).not.toContain(elsewhere.id);
    back.close();
  });
});
