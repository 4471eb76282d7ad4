import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubscriberClient } from '../../src/tools/client/index.js';
import { BalancingProxy } from '../support/balancing-proxy.js';
import {
  freePorts,
  type Ports,
  type Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { makeFleet, SendingDevice } from '../support/fleet.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { storedTimes } from '../support/stored-positions.js';

/** Few and in quick succession, to keep CI short. `npm run soak` makes 9 in 3 minutes. */
const KILLS = Number(process.env['SAMSERVER_CLUSTER_KILLS'] ?? 5);
const IS_SOAK = KILLS > 5;
const KILL_EVERY_MS = IS_SOAK ? 20_000 : 8_000;
/** In CI what two cores carry beside three instances, a database and the clients. */
const DEVICES = IS_SOAK ? 300 : 100;
const WATCHERS = IS_SOAK ? 60 : 20;
const INSTANCES = 3;
const EVERY_MS = 1_000;
const REDIS_DOWN_MS = 2_000;
/** Contract. */
const MAX_BACK_MS = 6_000;
/** Contract. Sockets of a killed instance are listed no longer than this. */
const MAX_PRESENT_MS = 10_000;
const ADMIN = { email: 'admin@example.org', password: 'correct horse battery' };

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let database: Program;
let databaseUrl: string;
let redis: RedisServer;
const proxies: BalancingProxy[] = [];
beforeEach(async () => {
  directory = await temporaryDirectory();
  ({ program: database, url: databaseUrl } = await startDatabase(join(directory.path, 'db')));
  redis = await RedisServer.start();
});
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  await redis.stop();
  await database.kill('SIGTERM');
  await directory.remove();
});

class Instance {
  private program: Program | null = null;

  private constructor(readonly ports: Ports) {}

  static async start(): Promise<Instance> {
    const instance = new Instance(await freePorts());
    await instance.start();
    return instance;
  }

  async start(): Promise<void> {
    this.program = await startProcess(this.ports, {
      MONGODB_URL: databaseUrl,
      REDIS_URL: redis.url,
      SCHEMA_ON_START: 'up',
      JWT_SECRET: 'a test secret that is long enough for HS256',
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    });
  }

  async kill(signal: NodeJS.Signals): Promise<unknown> {
    return this.program?.kill(signal);
  }

  /** Of the running process. */
  async id(accessToken: string): Promise<string> {
    const [own] = await listInstances(this.ports.http, accessToken);
    return own?.id ?? '';
  }
}

type ListedInstance = { readonly id: string; readonly sockets: object | null };

/** The instance that answers is the first. */
async function listInstances(httpPort: number, accessToken: string): Promise<readonly ListedInstance[]> {
  const headers = { authorization: `Bearer ${accessToken}` };
  const answer = await fetch(`http://127.0.0.1:${httpPort}/api/v1/ops/instances`, { headers });
  return ((await answer.json()) as { items: readonly ListedInstance[] }).items;
}

/** Resolves with the time until no instance lists sockets of the killed one, milliseconds. */
async function presenceEnds(id: string, ports: readonly number[], accessToken: string): Promise<number> {
  const killedMs = performance.now();
  await until(async () => {
    // An instance that is killed meanwhile lists nothing.
    const lists = await Promise.all(ports.map((port) => listInstances(port, accessToken).catch(() => [])));
    return lists.flat().every((each) => each.id !== id || each.sockets === null);
  }, 'the end of the presence of a killed instance');
  return performance.now() - killedMs;
}

/** What the devices have sent and got acknowledged. Times are `performance.now()`. */
class Fleet {
  /** Vehicle and time of each acknowledged fix, in the order of the acknowledgements. */
  readonly acknowledged: string[] = [];
  /** Vehicle id → when the newest acknowledged fix was sent. */
  readonly lastSentMs = new Map<string, number>();
  readonly sentMs = new Map<string, number>();

  note(vehicleId: string, time: string, sentAtMs: number): void {
    const key = keyOf(vehicleId, time);
    this.acknowledged.push(key);
    this.sentMs.set(key, sentAtMs);
    this.lastSentMs.set(vehicleId, Math.max(sentAtMs, this.lastSentMs.get(vehicleId) ?? 0));
  }
}

class Watcher {
  readonly seen = new Set<string>();
  readonly resyncs: string[] = [];
  readonly ends: string[] = [];
  doubled = 0;
  /** When the newest fix that it has seen was sent. */
  lastSentMs = 0;
  readonly client: SubscriberClient;

  constructor(socketUrl: string, token: () => Promise<string>, fleet: Fleet) {
    this.client = new SubscriberClient(socketUrl, token, {
      onItem: ({ vehicleId, position }) => {
        const key = keyOf(vehicleId, position.time);
        if (this.seen.has(key)) this.doubled += 1;
        this.seen.add(key);
        this.lastSentMs = Math.max(this.lastSentMs, fleet.sentMs.get(key) ?? 0);
      },
      onResync: (reason) => this.resyncs.push(reason),
      onEnd: (error) => this.ends.push(error.code),
      reconnectDelay: { minMs: 50, maxMs: 500 },
    });
  }
}

/** Milliseconds from a fault until every client is served again. */
interface Recovery {
  readonly fault: string;
  /** Every device has an acknowledgement of a fix that it sent after the fault. */
  readonly devicesMs: number;
  /** Every watcher has seen a fix that was sent after the fault. */
  readonly watchersMs: number;
  /** Every watcher has seen every fix that was acknowledged before the fault. */
  readonly completeMs: number;
}

async function recoveryFrom(fault: string, fleet: Fleet, watchers: readonly Watcher[]): Promise<Recovery> {
  const faultMs = performance.now();
  // Older ones arrived before an earlier fault ended.
  const before = fleet.acknowledged.slice(-20 * DEVICES);
  const since = async (isDone: () => boolean, what: string): Promise<number> => {
    await until(isDone, `${what} after ${fault}`).catch((error: Error) => {
      const reasons = new Set(watchers.flatMap(({ resyncs }) => resyncs));
      throw new Error(`${error.message}; resync to watchers: ${[...reasons].join(', ')}`);
    });
    return performance.now() - faultMs;
  };
  const missing = watchers.map(({ seen }) => ({ seen, keys: before.filter((key) => !seen.has(key)) }));
  const isComplete = (): boolean => {
    for (const each of missing) each.keys = each.keys.filter((key) => !each.seen.has(key));
    return missing.every(({ keys }) => keys.length === 0);
  };
  const [devicesMs, watchersMs, completeMs] = await Promise.all([
    since(() => [...fleet.lastSentMs.values()].every((sentMs) => sentMs > faultMs), 'the devices'),
    since(() => watchers.every(({ lastSentMs }) => lastSentMs > faultMs), 'the watchers'),
    since(isComplete, 'the streams'),
  ]);
  return { fault, devicesMs, watchersMs, completeMs };
}

const keyOf = (vehicleId: string, time: string): string => `${vehicleId} ${Date.parse(time)}`;
const seconds = (valueMs: number): string => (valueMs / 1_000).toFixed(1);

describeWithRedis('several instances', () => {
  it(
    `${INSTANCES} instances, ${DEVICES} devices and ${WATCHERS} watchers: ${KILLS} kills and a lost Redis lose nothing`,
    async () => {
      // The first one creates the schema and the administrator.
      const instances = [await Instance.start()];
      instances.push(...(await Promise.all([Instance.start(), Instance.start()])));
      const http = await BalancingProxy.before(...instances.map(({ ports }) => ports.http));
      const sockets = await BalancingProxy.before(...instances.map(({ ports }) => ports.socket));
      proxies.push(http, sockets);
      const { session, vehicles } = await makeFleet(`http://127.0.0.1:${http.port}`, ADMIN, DEVICES, 'S');
      const socketUrl = `http://127.0.0.1:${sockets.port}`;

      const fleet = new Fleet();
      const watchers = Array.from(
        { length: WATCHERS },
        () => new Watcher(socketUrl, session.accessToken, fleet),
      );
      await Promise.all(watchers.map(({ client }) => client.watch({})));
      const devices: SendingDevice[] = [];
      // Devices report spread over the second, as real devices do.
      for (const vehicle of vehicles) {
        const note = (time: string, sentAtMs: number): void => fleet.note(vehicle.vehicleId, time, sentAtMs);
        devices.push(new SendingDevice(socketUrl, vehicle, EVERY_MS, note));
        await sleep(EVERY_MS / DEVICES);
      }
      await until(() => fleet.lastSentMs.size === DEVICES, 'a fix of every device');
      const spread = instances.map(({ ports }) => sockets.connectionsTo(ports.socket));

      const recoveries: Recovery[] = [];
      const presence: Promise<number>[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        const instance = instances[kill % INSTANCES];
        let nextMs = performance.now() + KILL_EVERY_MS;
        const accessToken = await session.accessToken();
        const id = (await instance?.id(accessToken)) ?? '';
        const others = instances.filter((each) => each !== instance).map(({ ports }) => ports.http);
        await instance?.kill('SIGKILL');
        presence.push(presenceEnds(id, others, accessToken));
        const recovering = recoveryFrom(`kill ${kill + 1}`, fleet, watchers);
        const starting = instance?.start();
        recoveries.push(await recovering);
        await starting;
        if (kill === Math.floor(KILLS / 2)) {
          await redis.kill();
          await sleep(REDIS_DOWN_MS);
          await redis.start();
          recoveries.push(await recoveryFrom('the start of Redis', fleet, watchers));
          // The instances read storage again a little later; the next kill is a fault of its own.
          nextMs = performance.now() + KILL_EVERY_MS;
        }
        await sleep(Math.max(0, nextMs - performance.now()));
      }

      const presentMs = await Promise.all(presence);
      const ends = await Promise.all(devices.map((device) => device.stop()));
      expect(ends.every(({ unacknowledged }) => unacknowledged === 0)).toBe(true);
      expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
      const acknowledged = new Set(fleet.acknowledged);
      const incomplete = (): number => watchers.filter(({ seen }) => seen.size < acknowledged.size).length;
      // The assertions below name what is missing.
      await until(() => incomplete() === 0, 'every watcher').catch(() => undefined);
      watchers.forEach(({ client }) => client.close());
      const resyncs = watchers.flatMap(({ resyncs: reasons }) => reasons);
      console.info(
        [
          `${INSTANCES} instances with ${spread.join(', ')} sockets at the start; ${DEVICES} devices, ${WATCHERS} watchers, ${KILLS} kills`,
          `${acknowledged.size} fixes acknowledged; ${devices.reduce((sum, { resends }) => sum + resends, 0)} sent again`,
          `resync to watchers ${resyncs.length} (${[...new Set(resyncs)].join(', ')}), repeats discarded ${watchers.reduce((sum, { client }) => sum + client.repeats, 0)}`,
          ...recoveries.map(
            ({ fault, devicesMs, watchersMs, completeMs }) =>
              `after ${fault}: devices ${seconds(devicesMs)} s, watchers ${seconds(watchersMs)} s, complete ${seconds(completeMs)} s`,
          ),
          `sockets of killed instances listed for at most ${seconds(Math.max(...presentMs))} s`,
        ].join('\n'),
      );
      for (const instance of instances)
        expect(await instance.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      const stored = [...(await storedTimes(databaseUrl))].flatMap(([vehicleId, times]) =>
        times.map((time) => keyOf(vehicleId, time)),
      );
      expect(acknowledged.size).toBe(devices.reduce((sum, { sent }) => sum + sent, 0));
      expect(stored.sort()).toEqual([...acknowledged].sort());
      for (const { seen, doubled, ends: refusals } of watchers) {
        expect([...acknowledged].filter((key) => !seen.has(key))).toEqual([]);
        expect([doubled, refusals]).toEqual([0, []]);
      }
      for (const { devicesMs, watchersMs, completeMs } of recoveries)
        expect(Math.max(devicesMs, watchersMs, completeMs)).toBeLessThan(MAX_BACK_MS);
      expect(Math.max(...presentMs)).toBeLessThan(MAX_PRESENT_MS);
    },
    120_000 + KILLS * (KILL_EVERY_MS + 20_000),
  );
});
