import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { stallingDatabase, type StallingProxy } from '../support/stalling-proxy.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startTestService, type TestService } from '../support/test-service.js';

let database: TestDatabase;
let proxy: StallingProxy;
let service: TestService;
let token: string;
let device: Socket;
let vehicleId: string;
beforeAll(async () => {
  database = await startTestDatabase();
  const stalling = await stallingDatabase(database.url);
  proxy = stalling.proxy;
  service = await startTestService(
    // The subscriber asks as fast as it gets answers.
    { MONGODB_TIMEOUT_MS: '2000', SOCKET_EVENTS_PER_S: '100000', SOCKET_EVENT_BURST: '100000' },
    { ...database, url: stalling.url },
  );
  token = await adminToken(service);
  const vehicle = await newVehicle(service, token);
  vehicleId = vehicle.vehicleId;
  device = await connectSocket(service.socketUrl, '/devices', vehicle.deviceToken);
});
afterAll(async () => {
  proxy.resume();
  device.close();
  await service.stop();
  await proxy.close();
  await database.stop();
});

const startMs = Date.now() - 86_400_000;
/** More than may wait before the service has measured how fast the database writes: 3,000 positions. */
const BATCHES = 12;
const batch = (n: number) =>
  Array.from({ length: 500 }, (_, i) => ({
    lat: 48,
    lon: 11,
    time: new Date(startMs + (n * 500 + i) * 1_000).toISOString(),
  }));

describe('a database that stops answering', () => {
  it('loses no position: the queue is limited, refusals have a hint, and repeated positions are stored', async () => {
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const seen = new Set<string>();
    subscriber.on('positions', (frame) => {
      for (const { position } of frame.items) seen.add(position.time);
    });
    await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    proxy.stall();
    const answers = await Promise.all(
      Array.from({ length: BATCHES }, (_, n) => ask(device, 'positions', batch(n))),
    );
    const codes = answers.map((answer) => answer.error?.code);
    expect(codes.filter((code) => code === 'positions/overloaded').length).toBeGreaterThanOrEqual(1);
    expect(new Set(codes)).toEqual(new Set(['storage/unavailable', 'positions/overloaded']));
    for (const { error } of answers) expect(error.retryAfterMs).toBeGreaterThan(0);

    const [{ status, headers }, health] = await Promise.all([
      call(service, 'POST', '/api/v1/auth/login', { body: { email: 'a@example.org', password: 'x' } }),
      call(service, 'GET', '/health'),
    ]);
    expect([status, Number(headers.get('retry-after')) > 0, health.status]).toEqual([503, true, 200]);

    proxy.resume();
    await until(
      async () => (await ask(device, 'positions', batch(0))).error === undefined,
      'storage to be available again',
    );
    for (let n = 1; n < BATCHES; n += 1)
      expect(await ask(device, 'positions', batch(n))).not.toHaveProperty('error');
    for (let n = 0; n < BATCHES; n += 1)
      expect(await ask(device, 'positions', batch(n))).toMatchObject({ duplicate: 500 });
    // Also the positions of unconfirmed writes: the device got `duplicate`, the subscriber gets the position.
    await until(() => seen.size === BATCHES * 500, 'every fix live');
    subscriber.close();
  });

  it('refuses subscribers while devices wait, and accepts them afterwards', async () => {
    await until(async () => (await call(service, 'GET', '/ready')).status === 200, 'readiness');
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    proxy.stall();
    // Until enough of them wait: the limit follows the speed of the machine.
    const waiting: Promise<unknown>[] = [];
    let answer = await ask(subscriber, 'watch', {});
    await until(async () => {
      waiting.push(ask(device, 'positions', batch(100 + waiting.length)));
      answer = await ask(subscriber, 'watch', {});
      return answer.error !== undefined;
    }, 'a refusal');
    expect(answer).toMatchObject({
      error: { code: 'live/busy', retryAfterMs: expect.any(Number) },
    });
    proxy.resume();
    await Promise.all(waiting);
    await until(async () => (await ask(subscriber, 'watch', {})).error === undefined, 'a stream');
    subscriber.close();
  });
});
