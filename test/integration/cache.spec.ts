import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { Cache, type CachedReads } from '../../src/cache/index.js';
import { EventStream, Redis } from '../../src/cluster/index.js';
import { Metrics } from '../../src/core/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { ADMIN, type Instance, startTestService, type TestService } from '../support/test-service.js';

const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);
const isUp = ({ service }: Instance): boolean => service.app.get(Redis).isUp;

async function countOf({ service }: Instance, cache: string, outcome: string): Promise<number> {
  const text = await service.app.get(Metrics).text();
  const line = new RegExp(`samserver_cache_reads_total\\{cache="${cache}",outcome="${outcome}"\\} (\\d+)`);
  return Number(line.exec(text)?.[1] ?? 0);
}

/** A load that ends when the test ends it. */
function pendingLoad() {
  let end: (value: string) => void = () => undefined;
  const result = new Promise<string>((resolve) => (end = resolve));
  return { load: () => result, end };
}

describeWithRedis('the cache of several instances', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let token: string;
  /** The same cache on both instances. */
  let here: CachedReads<string>;
  let there: CachedReads<string>;
  const loading = (value: string) => () => Promise.resolve(value);

  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ REDIS_URL: redis.url });
    other = await one.another();
    token = await adminToken(one);
    const define = ({ service }: Instance) =>
      service.app.get(Cache).define<string>({ name: 'test', ttlMs: 30_000, tier: 'shared' });
    here = define(one);
    there = define(other);
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await redis.stop();
  });
  beforeEach(async () => {
    await until(() => isUp(one) && isUp(other), 'Redis to be up');
    for (const each of [one, other]) {
      const others = [one, other].filter((instance) => instance !== each);
      await until(() => {
        streamOf(each).setAlive(new Set(others.flatMap(() => [...streamOf(each).memberIds])));
        return streamOf(each).memberIds.size === 1 && streamOf(each).receivesFromAll;
      }, 'the events of the other instance to arrive');
    }
  });

  const kept = (key: string) =>
    until(async () => redis.command('GET', `samserver:cache:test:${key}`).includes('value'), 'the entry');
  const patch = (instance: Instance, id: string, body: unknown) =>
    call(instance, 'PATCH', `/api/v1/vehicles/${id}`, { token, body });
  const vehicle = (instance: Instance, id: string) =>
    call(instance, 'GET', `/api/v1/vehicles/${id}`, { token });

  it('gives what one loaded to the other, until one forgets it', async () => {
    const key = randomUUID();
    expect(await here.get(key, loading('a'))).toBe('a');
    await kept(key);
    expect(await there.get(key, loading('b'))).toBe('a');
    await here.forget(key);
    expect(await there.get(key, loading('c'))).toBe('c');
  });

  it('does not keep or share a load that began before forget on the other instance', async () => {
    const key = randomUUID();
    const before = pendingLoad();
    const first = there.get(key, before.load);
    await until(() => redis.command('GET', `samserver:cache:test:${key}`).includes('lease'), 'the lease');
    await here.forget(key);
    expect(await there.get(key, loading('new'))).toBe('new');
    before.end('old');
    expect(await first).toBe('old');
    await kept(key);
    expect(await here.get(key, loading('unused'))).toBe('new');
  });

  it('shares one load between concurrent reads', async () => {
    // On a slow machine a read can wait too long for Redis and then goes to storage on its own: such a round is repeated.
    await until(async () => {
      const key = randomUUID();
      let loads = 0;
      const load = () => Promise.resolve(String((loads += 1)));
      const { load: wait, end } = pendingLoad();
      const bypasses = await countOf(one, 'test', 'bypass');
      const isBypassed = async () => (await countOf(one, 'test', 'bypass')) > bypasses;
      const first = here.get(key, wait);
      const hasLease = () => redis.command('GET', `samserver:cache:test:${key}`).includes('lease');
      await until(async () => hasLease() || (await isBypassed()), 'the lease');
      const hits = await countOf(one, 'test', 'hit');
      const rest = [here.get(key, load), here.get(key, load)];
      const haveJoined = async () => (await countOf(one, 'test', 'hit')) === hits + 2;
      await until(async () => (await haveJoined()) || (await isBypassed()), 'the reads to join the load');
      end('0');
      const isShared = !(await isBypassed());
      const read = await Promise.all([first, ...rest]);
      if (isShared) expect([read, loads]).toEqual([['0', '0', '0'], 0]);
      return isShared;
    }, 'a round in which Redis answers in time');
  });

  it('a change on one is read on the other right after the answer', async () => {
    const { vehicleId } = await newVehicle(one, token);
    for (const status of ['dispatched', 'on_scene', 'available', 'transporting', 'at_hospital']) {
      await Promise.all([1, 2, 3].map(() => vehicle(other, vehicleId)));
      const changed = await patch(one, vehicleId, { status });
      const read = await vehicle(other, vehicleId);
      expect(read.body).toMatchObject({ status, statusAt: changed.body.statusAt });
      expect(read.headers.get('etag')).toBe(changed.headers.get('etag'));
    }
    expect(await countOf(other, 'vehicles', 'hit')).toBeGreaterThan(0);
    await call(one, 'DELETE', `/api/v1/vehicles/${vehicleId}`, { token });
    expect((await vehicle(other, vehicleId)).status).toBe(404);
  });

  it('while Redis hangs or is gone, reads go to the database; back, the deletions are made up for', async () => {
    const { vehicleId } = await newVehicle(one, token);
    await until(async () => {
      await vehicle(one, vehicleId);
      return redis.command('GET', `samserver:cache:vehicles:${vehicleId}`).includes('value');
    }, 'the vehicle to be cached');
    redis.pause();
    expect((await patch(one, vehicleId, { status: 'on_scene' })).status).toBe(200);
    for (let read = 0; read < 5; read += 1)
      for (const each of [one, other])
        if (each === one || !isUp(other))
          expect((await vehicle(each, vehicleId)).body.status).toBe('on_scene');
    await until(() => !isUp(one), 'Redis to count as down');
    const bypassed = await countOf(one, 'vehicles', 'bypass');
    await vehicle(one, vehicleId);
    expect(await countOf(one, 'vehicles', 'bypass')).toBe(bypassed + 1);
    redis.resume();
    await until(() => isUp(one) && isUp(other), 'Redis to be up');
    await until(async () => (await vehicle(other, vehicleId)).body.status === 'on_scene', 'the change');

    await redis.kill();
    expect((await patch(one, vehicleId, { status: 'available' })).status).toBe(200);
    expect((await vehicle(other, vehicleId)).body.status).toBe('available');
    await redis.start();
    await until(() => isUp(other), 'Redis to be up');
    const hits = await countOf(other, 'vehicles', 'hit');
    await until(async () => {
      expect((await vehicle(other, vehicleId)).body.status).toBe('available');
      return (await countOf(other, 'vehicles', 'hit')) > hits;
    }, 'hits again');
  });

  it('a credential or session revoked on one is refused by the other, which had it in memory', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(one, token);
    const report = (instance: Instance) =>
      call(instance, 'POST', '/api/v1/positions', {
        token: deviceToken,
        body: { positions: [{ lat: 48, lon: 11, time: new Date().toISOString() }] },
      });
    const userToken = await adminToken(one);
    const me = (instance: Instance) => call(instance, 'GET', '/api/v1/auth/me', { token: userToken });
    for (let read = 0; read < 2; read += 1)
      expect([(await report(other)).status, (await me(other)).status]).toEqual([200, 200]);
    expect(await countOf(other, 'device-credentials', 'hit')).toBeGreaterThan(0);
    expect(await countOf(other, 'sessions', 'hit')).toBeGreaterThan(0);
    await call(one, 'DELETE', `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`, { token });
    expect((await report(other)).status).toBe(401);
    await call(one, 'POST', '/api/v1/auth/logout', { token: userToken });
    expect((await me(other)).status).toBe(401);
  });

  it('a changed address of a user is the caller of the next request on the other', async () => {
    const body = {
      email: `a-${randomUUID()}@example.org`,
      name: 'A',
      role: 'admin',
      password: ADMIN.password,
    };
    const user = await call(one, 'POST', '/api/v1/users', { token, body });
    const logIn = await call(one, 'POST', '/api/v1/auth/login', {
      body: { email: body.email, password: body.password },
    });
    const own = { token: logIn.body.accessToken as string };
    await call(other, 'GET', '/api/v1/auth/me', own);
    const email = `b-${randomUUID()}@example.org`;
    await call(one, 'PATCH', `/api/v1/users/${user.body.id}`, { token, body: { email } });
    await call(other, 'POST', '/api/v1/vehicles', {
      ...own,
      body: { callSign: email, registration: email.slice(0, 12), type: 'als' },
    });
    await call(other, 'POST', '/api/v1/auth/logout', own);
    const audit = await call(one, 'GET', '/api/v1/audit?limit=5', { token });
    const entry = audit.body.items.find(({ action }: { action: string }) => action === 'auth.logged-out');
    expect(entry.actor.email).toBe(email);
  });

  it('while the stream is cut, access is read from the database, also what another instance revoked meanwhile', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(one, token);
    const report = () =>
      call(other, 'POST', '/api/v1/positions', {
        token: deviceToken,
        body: { positions: [{ lat: 48, lon: 11, time: new Date().toISOString() }] },
      });
    for (let read = 0; read < 2; read += 1) expect((await report()).status).toBe(200);
    await redis.kill();
    await until(() => streamOf(other).state === 'cut', 'the stream to be cut');
    const hits = await countOf(other, 'device-credentials', 'hit');
    expect((await report()).status).toBe(200);
    await call(one, 'DELETE', `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`, { token });
    expect((await report()).status).toBe(401);
    await redis.start();
    await until(() => streamOf(other).state === 'complete', 'the stream');
    expect((await report()).status).toBe(401);
    expect(await countOf(other, 'device-credentials', 'hit')).toBe(hits);
  });
});
