import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubscriberClient } from '../../src/tools/client/index.js';
import {
  freePorts,
  type Ports,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { CuttingProxy } from '../support/cutting-proxy.js';
import { makeFleet, SendingDevice } from '../support/fleet.js';
import { cpuSeconds, residentMb } from '../support/process-usage.js';
import { until } from '../support/sockets.js';
import { storedTimes } from '../support/stored-positions.js';

const DURATION_S = Number(process.env['SAMSERVER_LOAD_S'] ?? (process.env['CI'] === 'true' ? 30 : 20));
const DEVICES = 200;
const SUBSCRIBERS = 50;
const EVERY_MS = 1_000;
/** Contract: this share of all sockets is cut during the run. */
const CUT_SHARE = 0.1;
const ADMIN = { email: 'admin@example.org', password: 'correct horse battery' };

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let proxy: CuttingProxy;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
  proxy = await CuttingProxy.before(ports.socket);
});
afterEach(async () => {
  await proxy.close();
  await directory.remove();
});

/** Counts the fixes that one subscriber gets, by vehicle and time. */
class CountingSubscriber {
  readonly seen = new Set<string>();
  readonly trouble: string[] = [];
  doubled = 0;
  readonly client: SubscriberClient;

  constructor(socketUrl: string, token: () => Promise<string>) {
    this.client = new SubscriberClient(socketUrl, token, {
      onItem: ({ vehicleId, position }) => {
        const key = `${vehicleId} ${position.time}`;
        if (this.seen.has(key)) this.doubled += 1;
        this.seen.add(key);
      },
      onResync: (reason) => this.trouble.push(`resync ${reason}`),
      onEnd: (error) => this.trouble.push(`end ${error.code}`),
      rememberedFixes: 200_000,
      reconnectDelay: { minMs: 50, maxMs: 500 },
    });
  }
}

/** Reads the database directly, after the service has stopped. */
async function readStored(): Promise<Set<string>> {
  const { program: database, url } = await startDatabase(join(directory.path, 'db'));
  try {
    const stored = await storedTimes(url);
    return new Set([...stored].flatMap(([vehicleId, times]) => times.map((time) => `${vehicleId} ${time}`)));
  } finally {
    await database.kill('SIGTERM');
  }
}

const missing = (from: ReadonlySet<string>, among: ReadonlySet<string>): string[] =>
  [...among].filter((key) => !from.has(key));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

describe('load', () => {
  it(
    `${DEVICES} devices and ${SUBSCRIBERS} subscribers for ${DURATION_S} s, a tenth of their sockets cut`,
    async () => {
      const service = await startProcess(ports, {
        DATA_DIR: directory.path,
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        // Without a limit the heap grows for minutes before a collection, which looks like a leak.
        NODE_OPTIONS: '--max-semi-space-size=2 --max-old-space-size=160',
      });
      const pid = service.child.pid ?? 0;
      const { session, vehicles } = await makeFleet(`http://127.0.0.1:${ports.http}`, ADMIN, DEVICES, 'L');
      const socketUrl = `http://127.0.0.1:${proxy.port}`;

      const subscribers = Array.from(
        { length: SUBSCRIBERS },
        () => new CountingSubscriber(socketUrl, session.accessToken),
      );
      await Promise.all(subscribers.map(({ client }) => client.watch({})));
      const clientDelay = monitorEventLoopDelay({ resolution: 5 });
      clientDelay.enable();
      const cpuBeforeS = cpuSeconds(pid);
      const ownBefore = process.cpuUsage();

      const rssMb: number[] = [];
      const sampling = setInterval(() => rssMb.push(residentMb(pid)), 250);
      const devices: SendingDevice[] = [];
      // Devices report spread over the second, as real devices do.
      for (const vehicle of vehicles) {
        devices.push(new SendingDevice(socketUrl, vehicle, EVERY_MS));
        await sleep(EVERY_MS / DEVICES);
      }
      await proxy.cutAtRandom(Math.round((DEVICES + SUBSCRIBERS) * CUT_SHARE), (DURATION_S - 1) * 1_000);
      await sleep(Math.max(0, DURATION_S * 1_000 - rssMb.length * 250));
      const serviceShare = (cpuSeconds(pid) - cpuBeforeS) / DURATION_S;
      const own = process.cpuUsage(ownBefore);
      clearInterval(sampling);

      const ends = await Promise.all(devices.map((device) => device.stop()));
      expect(ends.every(({ unacknowledged }) => unacknowledged === 0)).toBe(true);
      expect(devices.flatMap(({ refused }) => refused)).toEqual([]);
      const acknowledged = new Set(
        devices.flatMap((device) =>
          [...device.acknowledged.keys()].map((time) => `${device.vehicle.vehicleId} ${time}`),
        ),
      );
      await until(
        () => subscribers.every(({ seen }) => seen.size >= acknowledged.size),
        'every subscriber',
      ).catch(
        // The assertions below name what is missing.
        () => undefined,
      );
      subscribers.forEach(({ client }) => client.close());
      expect(await service.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      const stored = await readStored();

      const quarter = Math.floor(rssMb.length / 4);
      const [secondMb, lastMb] = [mean(rssMb.slice(quarter, 2 * quarter)), mean(rssMb.slice(-quarter))];
      console.info(
        [
          `${acknowledged.size} fixes acknowledged in ${DURATION_S} s, ${stored.size} stored, ${proxy.cuts} sockets cut`,
          `sent again ${devices.reduce((sum, { resends }) => sum + resends, 0)}`,
          `repeats discarded by subscribers ${subscribers.reduce((sum, { client }) => sum + client.repeats, 0)}`,
          `service: RSS ${secondMb.toFixed(0)} MB in the second quarter, ${lastMb.toFixed(0)} MB in the last; ${(serviceShare * 100).toFixed(0)} % of a core`,
          `clients: ${(((own.user + own.system) / 1e6 / DURATION_S) * 100).toFixed(0)} % of a core, event loop p99 ${(clientDelay.percentile(99) / 1e6).toFixed(0)} ms`,
        ].join('\n'),
      );
      expect(proxy.cuts).toBe(Math.round((DEVICES + SUBSCRIBERS) * CUT_SHARE));
      expect(acknowledged.size).toBe(devices.reduce((sum, { sent }) => sum + sent, 0));
      expect(missing(stored, acknowledged)).toEqual([]);
      expect(missing(acknowledged, stored)).toEqual([]);
      for (const subscriber of subscribers) {
        expect(subscriber.trouble).toEqual([]);
        expect(missing(subscriber.seen, acknowledged)).toEqual([]);
        expect(subscriber.seen.size).toBe(acknowledged.size);
        expect(subscriber.doubled).toBe(0);
      }
      expect(lastMb).toBeLessThanOrEqual(secondMb * 1.15 + 20);
    },
    (DURATION_S + 120) * 1_000,
  );
});
