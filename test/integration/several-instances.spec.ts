import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { DeviceCredentialsService, RevocationPoller } from '../../src/auth/index.js';
import { EventStream, InstanceIdentity } from '../../src/cluster/index.js';
import { EventBus } from '../../src/core/index.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { connectSocket, until } from '../support/sockets.js';
import { logIn, me, newUser } from '../support/test-users.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(200);

const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);
const untilAllHear = (...instances: readonly Instance[]) =>
  until(() => instances.every((each) => streamOf(each).receivesFromAll), 'all events to arrive everywhere');
const reasonsOf = async (instance: Instance): Promise<string[]> =>
  (await call(instance, 'GET', '/ready')).body.reasons;
const untilReasons = (instance: Instance, ...reasons: readonly string[]) =>
  until(
    async () => JSON.stringify((await reasonsOf(instance)).sort()) === JSON.stringify([...reasons].sort()),
    `/ready with the reasons ${reasons.join(', ') || 'none'}`,
  );

const open: Socket[] = [];
afterEach(() => {
  jest.restoreAllMocks();
  open.splice(0).forEach((socket) => socket.close());
});

async function connect(instance: Instance, namespace: string, token: string): Promise<Socket> {
  const socket = await connectSocket(instance.socketUrl, namespace, token);
  open.push(socket);
  return socket;
}

/** Access that is used on one instance and revoked on another. */
interface RevocableAccess {
  readonly namespace: '/devices' | '/live';
  readonly token: string;
  /** An HTTP request with the token. */
  readonly use: (instance: Instance) => Promise<{ readonly status: number }>;
  readonly revoke: () => Promise<{ readonly status: number }>;
}

const ACCESS_KINDS = [
  'credential revoked',
  'vehicle archived',
  'log-out',
  'user deleted',
  'role changed',
] as const;

async function accessOf(
  kind: (typeof ACCESS_KINDS)[number],
  instance: Instance,
  admin: string,
): Promise<RevocableAccess> {
  const act =
    (method: string, path: string, token = admin, body?: unknown) =>
    () =>
      call(instance, method, `/api/v1/${path}`, { token, ...(body !== undefined && { body }) });
  if (kind === 'credential revoked' || kind === 'vehicle archived') {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(instance, admin);
    const vehicle = `vehicles/${vehicleId}`;
    return {
      namespace: '/devices',
      token: deviceToken,
      use: (where) =>
        call(where, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions: [{}] } }),
      revoke: act('DELETE', kind === 'vehicle archived' ? vehicle : `${vehicle}/credentials/${credentialId}`),
    };
  }
  const user = await newUser(instance, admin, 'viewer');
  const { accessToken } = await logIn(instance, user);
  return {
    namespace: '/live',
    token: accessToken,
    use: (where) => me(where, accessToken),
    revoke: {
      'log-out': act('POST', 'auth/logout', accessToken),
      'user deleted': act('DELETE', `users/${user.id}`),
      'role changed': act('PATCH', `users/${user.id}`, admin, { role: 'dispatcher' }),
    }[kind],
  };
}

/** Access is used on `there`, revoked, and ends there on sockets and over HTTP. */
async function expectRevoked(access: RevocableAccess, there: Instance): Promise<void> {
  const socket = await connect(there, access.namespace, access.token);
  expect((await access.use(there)).status).toBe(200);
  expect((await access.revoke()).status).toBeLessThan(300);
  await until(() => !socket.connected, 'the socket on the other instance to close');
  await until(async () => (await access.use(there)).status === 401, '401 on the other instance');
}

describe('several instances without Redis', () => {
  let one: TestService;
  let admin: string;
  beforeAll(async () => {
    one = await startTestService({ OPS_TOKEN });
    admin = await adminToken(one);
  });
  afterAll(() => one.stop());

  it('say that they share nothing, a new one before it is ready, and one alone is ready', async () => {
    await untilAllHear(one);
    expect(await reasonsOf(one)).toEqual([]);
    const other = await one.another();
    expect(await reasonsOf(other)).toEqual(['live.not_shared']);
    await untilReasons(one, 'live.not_shared');
    expect([streamOf(one), streamOf(other)].map(({ receivesFromAll }) => receivesFromAll)).toEqual([
      false,
      false,
    ]);
    const { checks } = (await call(one, 'GET', '/ready', { token: OPS_TOKEN })).body;
    expect(checks.live.detail).toEqual({
      stream: 'off',
      lagMs: null,
      instances: [{ id: expect.any(String), color: null, version: expect.any(String), heard: false }],
    });
    await other.stop();
    await untilAllHear(one);
    await untilReasons(one);
  });

  it.each(ACCESS_KINDS)('%s: its sockets close on the other instance', async (kind) => {
    const other = await one.another();
    await expectRevoked(await accessOf(kind, one, admin), other);
    await other.stop();
  });
});

describeWithRedis('several instances with Redis', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let admin: string;
  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ OPS_TOKEN, REDIS_URL: redis.url });
    other = await one.another();
    admin = await adminToken(one);
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await redis.stop();
  });
  beforeEach(async () => {
    await until(() => streamOf(one).memberIds.size === 1, 'the other instance in the stream');
    await untilAllHear(one, other);
  });

  describe('/ready', () => {
    it('has no reason while each gets the events of the other', async () => {
      await untilReasons(one);
      const { checks } = (await call(one, 'GET', '/ready', { token: OPS_TOKEN })).body;
      expect(checks.redis).toMatchObject({ status: 'up', critical: false });
      expect(checks.live.detail).toMatchObject({ stream: 'complete', instances: [{ heard: true }] });
    });

    it('names an outage, and what is not shared because of it, and ends both by itself', async () => {
      await redis.kill();
      await untilReasons(one, 'redis.down', 'live.not_shared');
      expect((await call(one, 'GET', '/ready')).status).toBe(200);
      expect([streamOf(one), streamOf(other)].map(({ receivesFromAll }) => receivesFromAll)).toEqual([
        false,
        false,
      ]);
      await redis.start();
      await untilReasons(one);
    });

    it('names a full Redis, and rights that are missing', async () => {
      redis.command('CONFIG', 'SET', 'maxmemory', '1');
      await untilReasons(one, 'redis.full', 'live.not_shared');
      redis.command('CONFIG', 'SET', 'maxmemory', '0');
      await untilReasons(one);
      redis.command('ACL', 'SETUSER', 'default', '-set');
      await untilReasons(one, 'redis.refused');
      redis.command('ACL', 'SETUSER', 'default', '+set');
      await untilReasons(one);
    });

    it('names a wrong password', async () => {
      const wrong = await one.another({ REDIS_URL: redis.url.replace('//', '//user:wrong@') });
      await untilReasons(wrong, 'redis.refused', 'live.not_shared');
      await untilReasons(one, 'live.not_shared');
      await wrong.stop();
      await untilReasons(one);
    });
  });

  describe('who is connected where', () => {
    const ops = async (instance: Instance, path: string) =>
      (await call(instance, 'GET', `/api/v1/ops/${path}`, { token: OPS_TOKEN })).body;
    const untilFound = (instance: Instance, query: string, count: number) =>
      until(async () => {
        const { items, complete } = await ops(instance, `connections?${query}`);
        return complete === true && items.length === count;
      }, `${count} connections of ${query}`);

    it('each instance finds the sockets of a vehicle and of a user on all', async () => {
      const { vehicleId, credentialId, deviceToken } = await newVehicle(one, admin);
      const user = await newUser(one, admin, 'viewer');
      const { accessToken } = await logIn(one, user);
      const device = await connect(other, '/devices', deviceToken);
      await connect(one, '/live', accessToken);
      await connect(other, '/live', accessToken);
      await untilFound(one, `vehicleId=${vehicleId}`, 1);
      const { id } = other.service.app.get(InstanceIdentity);
      expect((await ops(one, `connections?vehicleId=${vehicleId}`)).items).toEqual([
        { kind: 'device', vehicleId, credentialId, instance: id, connectedAt: expect.any(String) },
      ]);
      for (const each of [one, other]) await untilFound(each, `userId=${user.id}`, 2);
      for (const each of [one, other]) await untilFound(each, `userId=${user.id}&vehicleId=${vehicleId}`, 3);
      device.close();
      await untilFound(one, `vehicleId=${vehicleId}`, 0);
      expect(await ops(one, 'connections')).toMatchObject({ status: 400, code: 'input/invalid' });
    });

    it('lists the instances with their sockets', async () => {
      const { deviceToken } = await newVehicle(one, admin);
      await connect(other, '/devices', deviceToken);
      const { id } = other.service.app.get(InstanceIdentity);
      const seen = async () => {
        const { items } = await ops(one, 'instances');
        return (items as { id: string }[]).find((item) => item.id === id);
      };
      await until(
        async () => JSON.stringify(await seen()).includes('"devices":1'),
        'the socket of the other',
      );
      expect(await seen()).toEqual({
        id,
        color: null,
        version: expect.any(String),
        state: expect.stringMatching(/^(ready|degraded)$/),
        startedAt: expect.any(String),
        heard: true,
        sockets: { devices: 1, users: 0, panels: 0 },
      });
    });

    it('says that the list is not complete during an outage, and writes it again afterwards', async () => {
      const { vehicleId, deviceToken } = await newVehicle(one, admin);
      await connect(other, '/devices', deviceToken);
      await untilFound(one, `vehicleId=${vehicleId}`, 1);
      await redis.kill();
      await until(() => streamOf(one).state === 'cut', 'the outage');
      const path = `connections?vehicleId=${vehicleId}`;
      expect(await ops(one, path)).toEqual({ items: [], complete: false });
      expect((await ops(other, path)).items).toHaveLength(1);
      await redis.start();
      await untilFound(one, `vehicleId=${vehicleId}`, 1);
      const { id } = other.service.app.get(InstanceIdentity);
      redis.command('DEL', `samserver:presence:${id}`);
      await untilFound(one, `vehicleId=${vehicleId}`, 1);
    });

    it('the list of an instance ends with it: by itself, and within 8 s when it was killed', async () => {
      const third = await one.another();
      const { id } = third.service.app.get(InstanceIdentity);
      const key = `samserver:presence:${id}`;
      await until(() => redis.command('EXISTS', key) === '1', 'its list');
      const leftMs = Number(redis.command('PTTL', key));
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(8_000);
      await third.stop();
      expect(redis.command('EXISTS', key)).toBe('0');
    });
  });

  describe('revoked access', () => {
    it.each(ACCESS_KINDS)('%s: its sockets close on the other instance by the event', async (kind) => {
      // Without the check of storage, which would close them too.
      const poller = other.service.app.get(RevocationPoller);
      jest.spyOn(poller, 'findRevokedPrincipals').mockResolvedValue(new Set());
      await expectRevoked(await accessOf(kind, one, admin), other);
    });

    it('closes a socket that connects meanwhile', async () => {
      const access = await accessOf('credential revoked', one, admin);
      const credentials = other.service.app.get(DeviceCredentialsService);
      const verify = credentials.verify.bind(credentials);
      let proceed: () => void = () => undefined;
      const isVerified = new Promise<void>((verified) => {
        jest.spyOn(credentials, 'verify').mockImplementation(async (token) => {
          const principal = await verify(token);
          verified();
          await new Promise<void>((resolve) => (proceed = resolve));
          return principal;
        });
      });
      let hasArrived = false;
      other.service.app.get(EventBus).subscribe('access.revoked', () => void (hasArrived = true));
      const connecting = connect(other, access.namespace, access.token);
      await isVerified;
      await access.revoke();
      await until(() => hasArrived, 'the revocation on the other instance');
      proceed();
      const socket = await connecting;
      await until(() => !socket.connected, 'the socket to close');
    });

    it('closes sockets during an outage of Redis', async () => {
      const access = await accessOf('credential revoked', one, admin);
      await redis.kill();
      await until(() => streamOf(other).state === 'cut', 'the outage');
      await expectRevoked(access, other);
      await redis.start();
    });

    it('closes sockets while the events do not arrive', async () => {
      const access = await accessOf('log-out', one, admin);
      redis.command('ACL', 'SETUSER', 'default', '-xread', '-xrevrange');
      redis.command('CLIENT', 'KILL', 'TYPE', 'normal');
      await until(() => streamOf(other).state === 'cut', 'the reader to be cut');
      await expectRevoked(access, other);
      redis.command('ACL', 'SETUSER', 'default', '+xread', '+xrevrange');
    });

    it('closes sockets whose event is missing from the stream, when that is noticed', async () => {
      const access = await accessOf('credential revoked', one, admin);
      const socket = await connect(other, access.namespace, access.token);
      redis.command('ACL', 'SETUSER', 'default', '-xadd');
      await access.revoke();
      redis.command('ACL', 'SETUSER', 'default', '+xadd');
      await until(() => !socket.connected, 'the socket to close');
    });
  });
});
