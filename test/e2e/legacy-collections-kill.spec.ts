import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  type Ports,
  type Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { makeFleet, SendingDevice } from '../support/fleet.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';

/** Number of kills. Few, to keep CI short; `npm run soak` raises it. */
const KILLS = Number(process.env['SAMSERVER_KILLS'] ?? 4);
const DEVICES = 16;
const EVERY_MS = 40;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let database: Program;
let url: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
  ({ program: database, url } = await startDatabase(join(directory.path, 'db')));
});
afterEach(async () => {
  await database.kill('SIGTERM');
  await directory.remove();
});

it(
  'kill -9: every acknowledged position is in both formats once, after the lag',
  async () => {
    const env = {
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      MONGODB_URL: url,
      SCHEMA_ON_START: 'up',
      JWT_SECRET,
      OPS_TOKEN,
      LEGACY_COLLECTIONS: 'write',
    };
    let service = await startProcess(ports, env);
    const base = { url: `http://127.0.0.1:${ports.http}` };
    const { vehicles } = await makeFleet(base.url, ADMIN, DEVICES, 'S');
    const old = await OldDatabase.open(url);
    try {
      await old.collection('ambulances').insertMany(
        vehicles.map(({ vehicleId }, n) => ({
          _id: OldDatabase.id(vehicleId),
          ambulance_box_code: String(n),
        })),
      );
      const devices = vehicles.map(
        (vehicle) => new SendingDevice(`http://127.0.0.1:${ports.socket}`, vehicle, EVERY_MS),
      );
      let missingAtKill = 0;
      for (let kill = 0; kill < KILLS; kill += 1) {
        await sleep(400 + Math.random() * 900);
        await service.kill();
        missingAtKill += (await old.all('positions')).length - (await histories(old)).length;
        service = await startProcess(ports, env);
      }
      await sleep(500);
      const ends = await Promise.all(devices.map((device) => device.stop()));
      expect(ends.every(({ unacknowledged }) => unacknowledged === 0)).toBe(true);
      await until(async () => (await lagS(base)) === 0, 'the lag to end');

      const sent = devices.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
      console.info(
        `${KILLS} kills, ${sent} fixes; at the kills ${missingAtKill} were not in the old shape yet`,
      );
      // A kill must hit a process that is writing; otherwise the test proves nothing.
      expect(missingAtKill).toBeGreaterThan(0);
      const all = await histories(old);
      for (const { vehicle, acknowledged } of devices) {
        const own = all.filter(({ ambulance_id: id }) => String(id) === vehicle.vehicleId);
        const times = own.map(({ count_datetime: at }) => (at as Date).toISOString()).sort();
        expect(times).toEqual([...acknowledged.keys()].sort());
        const trackings = await old.all('ambulance_trackings', {
          ambulance_id: OldDatabase.id(vehicle.vehicleId),
        });
        expect(trackings).toMatchObject([{ count_datetime: new Date(times.at(-1) ?? 0), speed: 36 }]);
      }
    } finally {
      await old.close();
      await service.kill('SIGTERM');
    }
  },
  60_000 + KILLS * 10_000,
);

const histories = (old: OldDatabase) => old.all('ambulance_tracking_histories');

/** Lag of the tracking collections, seconds; NaN while the service has no such metric. */
async function lagS(base: { readonly url: string }): Promise<number> {
  const scrape = await Scrape.of(base);
  return scrape.value('samserver_legacy_collections_lag_seconds', { kind: 'trackings' }) ?? NaN;
}
