import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventStream } from '../../src/cluster/index.js';
import { SubscriberClient } from '../../src/tools/client/index.js';
import { DelayingProxy } from '../support/delaying-proxy.js';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type StallingProxy, stallingProxy } from '../support/stalling-proxy.js';
import { ADMIN, type Instance, startTestService, type TestService } from '../support/test-service.js';

/** Contract: what a request may take longer because of a fault of Redis. */
const MAX_DELAY_MS = 1_000;
/** Longer than the stream needs to notice a fault and to join again. */
const FAULT_MS = 9_000;
const SLOW_MS = 2_000;
const EVENTS = 'samserver:events';
const PASSWORD = 'a password that the service does not have';
const startMs = Date.now() - 3_600_000;

interface Fault {
  readonly name: string;
  readonly begin: () => void | Promise<void>;
  readonly end: () => void | Promise<void>;
  /** `/ready` shows it meanwhile. */
  readonly reason?: string;
  /** The stream recovers by itself before the end. */
  readonly isShort?: boolean;
}

describeWithRedis('faults of Redis', () => {
  let redis: RedisServer;
  let slow: DelayingProxy;
  let partition: StallingProxy;
  let one: TestService;
  let other: Instance;
  let token: string;
  const watchers: SubscriberClient[] = [];

  const faults: readonly Fault[] = [
    {
      name: 'killed, and empty afterwards',
      reason: 'redis.down',
      begin: () => redis.kill(),
      end: () => redis.start(),
    },
    { name: 'silent', begin: () => redis.pause(), end: () => redis.resume() },
    {
      name: `slow (${SLOW_MS} ms)`,
      begin: () => void (slow.delayMs = SLOW_MS),
      end: () => void (slow.delayMs = 0),
    },
    {
      name: 'behind a password that is not configured',
      reason: 'redis.refused',
      begin: () => {
        redis.command('CONFIG', 'SET', 'requirepass', PASSWORD);
        redis.command('-a', PASSWORD, 'CLIENT', 'KILL', 'TYPE', 'normal');
      },
      end: () => void redis.command('-a', PASSWORD, 'CONFIG', 'SET', 'requirepass', ''),
    },
    {
      name: 'out of memory',
      reason: 'redis.full',
      begin: () => void redis.command('CONFIG', 'SET', 'maxmemory', '1'),
      end: () => void redis.command('CONFIG', 'SET', 'maxmemory', '0'),
    },
    { name: 'cut off from one instance', begin: () => partition.stall(), end: () => partition.resume() },
    {
      name: 'emptied while an instance does not read',
      begin: () => partition.stall(),
      end: () => {
        redis.command('FLUSHALL');
        partition.resume();
      },
    },
    {
      name: 'trimmed while an instance does not read',
      begin: () => partition.stall(),
      end: () => {
        redis.command('XTRIM', EVENTS, 'MAXLEN', '0');
        partition.resume();
      },
    },
    {
      name: 'on a clock that falls back by an hour',
      isShort: true,
      begin: async () => {
        redis.command('XADD', EVENTS, `${Date.now() + 3_600_000}-0`, 'i', 'clock', 'n', '1', 'x', '1');
        // Both read entries with later ids. The ids of the new stream are lower.
        await sleep(2_000);
        redis.command('DEL', EVENTS);
      },
      end: () => undefined,
    },
  ];

  beforeAll(async () => {
    redis = await RedisServer.start();
    slow = await DelayingProxy.before(redis.port);
    partition = await stallingProxy(slow.port);
    one = await startTestService({ REDIS_URL: `redis://127.0.0.1:${slow.port}` });
    other = await one.another({ REDIS_URL: `redis://127.0.0.1:${partition.port}` });
    token = await adminToken(one);
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await partition.close();
    await slow.close();
    await redis.stop();
  });
  beforeEach(() => untilComplete());
  afterEach(() => watchers.splice(0).forEach((watcher) => watcher.close()));

  const streamOf = ({ service }: Instance): EventStream => service.app.get(EventStream);
  const isComplete = (instance: Instance): boolean =>
    streamOf(instance).state === 'complete' && streamOf(instance).memberIds.size >= 1;
  const untilComplete = (): Promise<void> =>
    until(() => isComplete(one) && isComplete(other), 'both to read the stream');

  async function watch(instance: Instance) {
    const seen = { times: new Set<string>(), resyncs: [] as string[] };
    const client = new SubscriberClient(instance.socketUrl, token, {
      onItem: ({ vehicleId, position }) => seen.times.add(`${vehicleId} ${position.time}`),
      onResync: (reason) => seen.resyncs.push(reason),
      reconnectDelay: { minMs: 50, maxMs: 200 },
    });
    watchers.push(client);
    await client.watch({});
    return seen;
  }

  /** The requests that users, devices and operators make, on both instances. */
  class Mix {
    readonly acknowledged: string[] = [];
    readonly slowest = new Map<string, number>();
    /** Of `/ready`. */
    readonly reasons = new Set<string>();
    private round = 0;

    /** @throws for an answer other than success */
    async run(): Promise<void> {
      for (const instance of [one, other]) {
        const { vehicleId, credentialId, deviceToken } = await this.timed('new vehicle', () =>
          newVehicle(instance, token),
        );
        await this.ok('login', 200, () => call(instance, 'POST', '/api/v1/auth/login', { body: ADMIN }));
        await this.ok('vehicles', 200, () => call(instance, 'GET', '/api/v1/vehicles', { token }));
        await this.ok('live', 200, () => call(instance, 'GET', '/api/v1/positions/live', { token }));
        this.round += 1;
        const time = new Date(startMs + this.round * 1_000).toISOString();
        const body = { positions: [{ lat: 48, lon: 11, time }] };
        await this.ok('positions', 200, () =>
          call(instance, 'POST', '/api/v1/positions', { token: deviceToken, body }),
        );
        this.acknowledged.push(`${vehicleId} ${time}`);
        await this.ok('status', 200, () =>
          call(instance, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body: { status: 'on_scene' } }),
        );
        await this.ok('revocation', 204, () =>
          call(instance, 'DELETE', `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`, { token }),
        );
        const { body: ready } = await this.ok('ready', 200, () => call(instance, 'GET', '/ready'));
        for (const reason of ready.reasons) this.reasons.add(reason);
        await this.timed('watch', async () => {
          const socket = await connectSocket(instance.socketUrl, '/live', token);
          expect(await ask(socket, 'watch', {})).toHaveProperty('cursor');
          socket.close();
        });
      }
    }

    private async ok(name: string, status: number, request: () => Promise<Answer>): Promise<Answer> {
      const answer = await this.timed(name, request);
      expect([name, answer.status]).toEqual([name, status]);
      return answer;
    }

    private async timed<T>(name: string, work: () => Promise<T>): Promise<T> {
      const beganMs = performance.now();
      const result = await work();
      this.slowest.set(name, Math.max(this.slowest.get(name) ?? 0, performance.now() - beganMs));
      return result;
    }
  }

  it.each(faults)(
    '$name: no request waits for it, and every watcher is complete afterwards',
    async ({ name, begin, end, reason, isShort = false }) => {
      const seen = [await watch(one), await watch(other)];
      const quiet = new Mix();
      await quiet.run();
      const mix = new Mix();
      const beganMs = performance.now();
      await begin();
      let wasCut = isShort;
      try {
        // A stream that only seems to work would be complete again before the end.
        while (performance.now() - beganMs < FAULT_MS || !wasCut) {
          await mix.run();
          if (isShort) continue;
          const { state } = streamOf(other);
          if (state === 'cut' || state === 'settling') wasCut = true;
          else expect([state, wasCut]).toEqual([state, false]);
        }
      } finally {
        await end();
      }
      const resyncsDuring = seen.map(({ resyncs }) => resyncs.length);
      const endedMs = performance.now();
      await untilComplete();
      await until(
        () => seen.every(({ times }) => mix.acknowledged.every((key) => times.has(key))),
        'the watchers to be complete',
      );
      const slowest = [...mix.slowest].sort(([, a], [, b]) => b - a).slice(0, 4);
      console.info(
        `${name}: slowest ${slowest.map(([what, ms]) => `${what} ${ms.toFixed(0)} ms`).join(', ')}; ready with [${[...mix.reasons].join(', ')}]; resyncs during it ${resyncsDuring.join(' and ')}; complete ${((performance.now() - endedMs) / 1_000).toFixed(1)} s after it`,
      );
      if (reason !== undefined) expect([...mix.reasons]).toContain(reason);
      for (const [what, tookMs] of mix.slowest)
        expect([what, tookMs - (quiet.slowest.get(what) ?? 0) < MAX_DELAY_MS]).toEqual([what, true]);
    },
  );
});
