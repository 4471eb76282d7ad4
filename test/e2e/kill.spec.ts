import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  type Ports,
  Program,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { type FleetVehicle, makeFleet, SendingDevice } from '../support/fleet.js';
import { storedTimes } from '../support/stored-positions.js';

/** Number of kills. Few, to keep CI short; `npm run soak` raises it. */
const KILLS = Number(process.env['SAMSERVER_KILLS'] ?? 5);
const DEVICES = 50;
const EVERY_MS = 50;
const ADMIN = { email: 'admin@example.org', password: 'correct horse battery' };
const ENV = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
});
afterEach(() => directory.remove());

/** Serves the database of a stopped service, so that the test can read it directly. */
async function readStored(): Promise<Map<string, string[]>> {
  const database = await startDatabase(0);
  try {
    return await storedTimes(database.url);
  } finally {
    await database.program.kill('SIGTERM');
  }
}

async function startDatabase(port: number): Promise<{ program: Program; url: string }> {
  const program = Program.start(
    'cli.js',
    ['db', '--directory', join(directory.path, 'db'), '--port', String(port)],
    {},
  );
  const [, url = ''] = await program.waitForOutput(/MONGODB_URL=(\S+)/);
  return { program, url };
}

async function drive(
  vehicles: readonly FleetVehicle[],
  killing: () => Promise<void>,
): Promise<SendingDevice[]> {
  const devices = vehicles.map(
    (vehicle) => new SendingDevice(`http://127.0.0.1:${ports.socket}`, vehicle, EVERY_MS),
  );
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(300 + Math.random() * 1_200);
    await killing();
  }
  await sleep(500);
  const ends = await Promise.all(devices.map((device) => device.stop()));
  expect(ends.every(({ unacknowledged }) => unacknowledged === 0)).toBe(true);
  return devices;
}

/** Every acknowledged position is stored once; those acknowledged as `duplicate` too. */
function expectAcknowledgedToBeStored(
  devices: readonly SendingDevice[],
  stored: ReadonlyMap<string, string[]>,
): void {
  let resends = 0;
  for (const device of devices) {
    expect(device.refused).toEqual([]);
    expect(device.acknowledged.size).toBe(device.sent);
    const verdicts = new Set([...device.acknowledged.values()].map(({ verdict }) => verdict));
    expect([...verdicts].every((verdict) => verdict === 'stored' || verdict === 'duplicate')).toBe(true);
    expect(stored.get(device.vehicle.vehicleId)).toEqual([...device.acknowledged.keys()].sort());
    resends += device.resends;
  }
  const sent = devices.reduce((sum, device) => sum + device.sent, 0);
  console.info(
    `${KILLS} kills: ${sent} fixes acknowledged and stored, each once; ${resends} were sent again`,
  );
  // Without a resend no kill has hit a write, and the test proves nothing.
  expect(resends).toBeGreaterThan(0);
}

describe('kill -9', () => {
  it(
    'of the service loses no acknowledged position and stores none twice',
    async () => {
      const env = { ...ENV, DATA_DIR: directory.path };
      let service = await startProcess(ports, env);
      const { vehicles } = await makeFleet(`http://127.0.0.1:${ports.http}`, ADMIN, DEVICES, 'K');
      const devices = await drive(vehicles, async () => {
        await service.kill();
        service = await startProcess(ports, env);
      });
      await service.kill('SIGTERM');
      expectAcknowledgedToBeStored(devices, await readStored());
    },
    60_000 + KILLS * 10_000,
  );

  it(
    'of a separate database loses no acknowledged position, and the service recovers by itself',
    async () => {
      let database = await startDatabase(0);
      const port = Number(new URL(database.url).port);
      const service = await startProcess(ports, {
        ...ENV,
        MONGODB_URL: database.url,
        SCHEMA_ON_START: 'up',
        JWT_SECRET: 'a test secret that is long enough for HS256',
        MONGODB_TIMEOUT_MS: '1000',
      });
      const { vehicles } = await makeFleet(`http://127.0.0.1:${ports.http}`, ADMIN, DEVICES, 'D');
      const devices = await drive(vehicles, async () => {
        await database.program.kill();
        // Longer than MONGODB_TIMEOUT_MS: positions that arrive meanwhile are refused and sent again.
        await sleep(1_500);
        database = await startDatabase(port);
      });
      await service.kill('SIGTERM');
      await database.program.kill('SIGTERM');
      expectAcknowledgedToBeStored(devices, await readStored());
    },
    60_000 + KILLS * 10_000,
  );
});
