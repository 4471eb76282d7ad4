import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { EventStream } from '../../src/cluster/index.js';
import { Metrics } from '../../src/core/index.js';
import { LatestPositions } from '../../src/tracking/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const startMs = Date.now() - 3_600_000;
const fix = (second: number) => ({
  lat: 48,
  lon: 11 + second * 1e-4,
  time: new Date(startMs + second * 1_000).toISOString(),
});
const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);
async function lostEvents({ service }: Instance): Promise<number> {
  const text = await service.app.get(Metrics).text();
  return Number(/samserver_shared_events_total\{outcome="lost"\} (\d+)/.exec(text)?.[1]);
}
const isComplete = (instance: Instance): boolean => streamOf(instance).state === 'complete';

describeWithRedis('events of several instances', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let token: string;
  const open: Socket[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ REDIS_URL: redis.url });
    other = await one.another();
    token = await adminToken(one);
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await redis.stop();
  });
  beforeEach(() =>
    until(
      () => [one, other].every((each) => isComplete(each) && streamOf(each).memberIds.size === 1),
      'both to read the stream',
    ),
  );
  afterEach(() => open.splice(0).forEach((socket) => socket.close()));

  async function watch(instance: Instance, request: Record<string, unknown> = {}) {
    const socket = await connectSocket(instance.socketUrl, '/live', token);
    open.push(socket);
    const seen = { times: [] as string[], events: [] as [string, unknown][], cursor: '' };
    socket.on('positions', (frame) => {
      seen.cursor = frame.cursor;
      for (const item of frame.items) seen.times.push(item.position.time);
    });
    for (const event of ['vehicle', 'crash', 'left', 'resync'])
      socket.on(event, (body) => seen.events.push([event, body]));
    const answer = await ask(socket, 'watch', request);
    seen.cursor = answer.cursor;
    return seen;
  }
  const report = (instance: Instance, deviceToken: string, ...positions: unknown[]) =>
    call(instance, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions } });

  it('a position sent to one is watched, live and nearest on the other', async () => {
    const { vehicleId, deviceToken } = await newVehicle(one, token);
    const seen = await watch(other, { vehicleIds: [vehicleId] });
    await report(one, deviceToken, fix(1), fix(2));
    await until(() => seen.times.length === 2, 'the positions on the other instance');
    const live = await call(other, 'GET', '/api/v1/positions/live', { token });
    expect(live.body.items.map((item: { vehicleId: string }) => item.vehicleId)).toContain(vehicleId);
    expect(other.service.app.get(LatestPositions).of(vehicleId)?.timeMs).toBe(Date.parse(fix(2).time));
  });

  it('a change of a vehicle is shown on the other, and an older one never after a newer one', async () => {
    const { vehicleId } = await newVehicle(one, token);
    const seen = await watch(other, { vehicleIds: [vehicleId] });
    const body = { status: 'on_scene' };
    await call(one, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body });
    await until(() => seen.events.length === 1, 'the change on the other instance');
    expect(seen.events[0]).toMatchObject(['vehicle', { vehicle: { id: vehicleId, status: 'on_scene' } }]);
  });

  it('after an outage of Redis the watchers get resync and read storage; a cursor from the outage misses nothing', async () => {
    const { vehicleId, deviceToken } = await newVehicle(one, token);
    const seen = await watch(other, { vehicleIds: [vehicleId] });
    await redis.kill();
    await until(() => streamOf(other).state === 'cut' && streamOf(one).state === 'cut', 'the outage');
    const answer = await report(one, deviceToken, fix(10), fix(11));
    expect(answer.body.stored).toBe(2);
    await redis.start();
    await until(() => seen.events.some(([event]) => event === 'resync'), 'resync');
    expect(seen.events).toContainEqual(['resync', { reason: 'gap' }]);
    await until(() => other.service.app.get(LatestPositions).of(vehicleId) !== null, 'the marker');
    const again = await watch(other, { vehicleIds: [vehicleId], since: seen.cursor });
    // Some may have arrived through storage before the resync.
    await until(() => new Set([...seen.times, ...again.times]).size === 2, 'the positions of the outage');
  });

  it('an entry that is missing from the stream is noticed', async () => {
    const { vehicleId, deviceToken } = await newVehicle(one, token);
    const seen = await watch(other, { vehicleIds: [vehicleId] });
    const lostBefore = await lostEvents(one);
    redis.command('ACL', 'SETUSER', 'default', '-xadd');
    await report(one, deviceToken, fix(1));
    await until(async () => (await lostEvents(one)) > lostBefore, 'the entry to be lost');
    redis.command('ACL', 'SETUSER', 'default', '+xadd');
    await until(() => seen.events.some(([event]) => event === 'resync'), 'resync');
    const again = await watch(other, { vehicleIds: [vehicleId], since: seen.cursor });
    await until(() => seen.times.length + again.times.length >= 1, 'the position that was not in the stream');
  });
});
