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
import { type FleetVehicle, makeFleet } from '../support/fleet.js';
import { call } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { PanelNotificationServer } from '../support/panel-notification-server.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';

const OFFLINE_AFTER_S = 8;
/** One episode above both limits and back. Each speed moves the average by half; the panel gets the momentary speed. */
const EPISODE_KMH = [200, 200, 200, 0, 0, 0];
const FOR_WATCHERS = ['speed_above_80', 'speed_above_120', 'speed_below_120', 'speed_below_80'];
const FOR_PANEL = ['SPEED_ABOVE_120', 'SPEED_BELOW_80'];
const EPISODES = 12;
const VEHICLES = 4;
const EVERY_MS = 250;

interface Running {
  readonly program: Program;
  readonly url: string;
  readonly ports: Ports;
}

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let database: Program;
let url: string;
let panel: PanelNotificationServer;
let old: OldDatabase;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ({ program: database, url } = await startDatabase(join(directory.path, 'db')));
  panel = await PanelNotificationServer.open();
  old = await OldDatabase.open(url);
});
afterEach(async () => {
  await old.close();
  await panel.close();
  await database.kill('SIGTERM');
  await directory.remove();
});

async function start(ports?: Ports): Promise<Running> {
  const own = ports ?? (await freePorts());
  const program = await startProcess(own, {
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    MONGODB_URL: url,
    SCHEMA_ON_START: 'up',
    JWT_SECRET,
    OPS_TOKEN,
    CREW_OFFLINE_AFTER_S: String(OFFLINE_AFTER_S),
    CREW_NOTIFY_MAX_AGE_S: '86400',
    PANEL_NOTIFICATION_URL: panel.url,
    PANEL_TIMEOUT_MS: '1000',
  });
  return { program, url: `http://127.0.0.1:${own.http}`, ports: own };
}

const owns = async (instance: Running): Promise<boolean> =>
  (await Scrape.of(instance)).value('samserver_crew_events_owner') === 1;

async function leaderOf(instances: readonly Running[]): Promise<Running> {
  let found: Running | undefined;
  await until(async () => {
    for (const each of instances) if (await owns(each)) found = each;
    return found !== undefined;
  }, 'a leader');
  return found as Running;
}

/** Retries on the instances until one has stored the position, like a device. */
async function send(instances: () => readonly Running[], vehicle: FleetVehicle, n: number, kmh: number) {
  const body = {
    positions: [
      {
        lat: 48 + n * 1e-5,
        lon: 11,
        time: new Date(startMs + n * EVERY_MS).toISOString(),
        speedMps: kmh / 3.6,
      },
    ],
  };
  await until(async () => {
    const [instance] = instances().toSorted(() => Math.random() - 0.5);
    const answer =
      instance &&
      (await call(instance, 'POST', '/api/v1/positions', { token: vehicle.token, body }).catch(() => null));
    return answer?.status === 200 && answer.body.rejected === 0 && answer.body.quarantined === 0;
  }, 'a position to be stored');
}
const startMs = Date.now() - 3_600_000;

it('after two kills -9 of the leader every event is stored once, and the panel has got each', async () => {
  const first = await start();
  const second = await start();
  let alive: Running[] = [first, second];
  const { vehicles } = await makeFleet(first.url, ADMIN, VEHICLES, 'K');
  for (const { vehicleId } of vehicles)
    await old.addAmbulance(`box of ${vehicleId}`, { _id: OldDatabase.id(vehicleId) });
  const takeoversMs: number[] = [];
  try {
    await leaderOf(alive);
    const drive = async (vehicle: FleetVehicle): Promise<void> => {
      // The first position makes the vehicle known.
      await send(() => alive, vehicle, 0, 0);
      for (let n = 0; n < EPISODES * EPISODE_KMH.length; n += 1) {
        await send(() => alive, vehicle, n + 1, EPISODE_KMH[n % EPISODE_KMH.length] ?? 0);
        await sleep(EVERY_MS);
      }
    };
    const driving = Promise.all(vehicles.map(drive));
    for (let kill = 0; kill < 2; kill += 1) {
      await sleep(4_000 + Math.random() * 1_500);
      const leader = await leaderOf(alive);
      alive = alive.filter((each) => each !== leader);
      await leader.program.kill('SIGKILL');
      const killedMs = performance.now();
      await leaderOf(alive);
      takeoversMs.push(Math.round(performance.now() - killedMs));
      alive = [...alive, await start(leader.ports)];
    }
    await driving;

    // The leader is killed before the vehicles count as offline; the next leader records offline and online.
    const count = async (type: string): Promise<number> =>
      (await old.all('crew_events', { type, audience: 'watchers' })).length;
    const leader = await leaderOf(alive);
    await sleep((OFFLINE_AFTER_S - 2) * 1_000);
    alive = alive.filter((each) => each !== leader);
    await leader.program.kill('SIGKILL');
    await until(async () => (await count('offline')) === VEHICLES, 'the offline events');
    await Promise.all(
      vehicles.map((vehicle) => send(() => alive, vehicle, EPISODES * EPISODE_KMH.length + 1, 0)),
    );
    await until(async () => (await count('online')) === VEHICLES, 'the online events');
    const unsent = async () =>
      (await old.all('crew_events', { audience: 'panel' })).filter(({ sendState }) => sendState !== 'sent');
    await until(async () => (await unsent()).length === 0, 'all notifications to be sent');

    console.info(`taken over after ${takeoversMs.join(', ')} ms; ${panel.received.length} posts`);
    for (const ms of takeoversMs) expect(ms).toBeLessThan(10_000);
    const wanted = [
      ...Array.from({ length: EPISODES }, () => FOR_PANEL).flat(),
      'AMBULANCE_TRACKING_STATUS_OFFLINE',
    ];
    for (const { vehicleId } of vehicles) {
      const all = await old.all('crew_events', { vehicleId: OldDatabase.id(vehicleId) });
      const types = all.filter(({ audience }) => audience === 'watchers').map(({ type }) => type as string);
      const shown = [...Array.from({ length: EPISODES }, () => FOR_WATCHERS).flat(), 'offline', 'online'];
      expect(types.sort()).toEqual(shown.sort());
      const notifications = all.filter(({ audience }) => audience === 'panel');
      expect(notifications).toHaveLength(wanted.length);
      // A notification may be repeated; the same id has the same body.
      const bodies = new Map<string, string>();
      for (const { key, body } of panel.received.filter(
        ({ body: { ambulance_id: id } }) => id === vehicleId,
      )) {
        expect(bodies.get(key) ?? body.notification_type).toBe(body.notification_type);
        bodies.set(key, body.notification_type);
      }
      expect([...bodies.values()]).toEqual(wanted);
      expect([...bodies.keys()].sort()).toEqual(notifications.map(({ _id }) => _id as string).sort());
    }
  } finally {
    await Promise.all(alive.map(({ program }) => program.kill('SIGTERM')));
  }
}, 240_000);

it('a leader that was stopped for longer than its lease records nothing when it continues', async () => {
  const first = await start();
  const { vehicles } = await makeFleet(first.url, ADMIN, 1, 'Z');
  const vehicle = vehicles[0] as FleetVehicle;
  await leaderOf([first]);
  const second = await start();
  try {
    await send(() => [second], vehicle, 0, 10);
    await sleep(1_500);
    first.program.child.kill('SIGSTOP');
    await leaderOf([second]);
    for (const [n, kmh] of [200, 200, 0, 0, 0].entries()) await send(() => [second], vehicle, n + 1, kmh);
    first.program.child.kill('SIGCONT');
    const types = async () =>
      (await old.all('crew_events', { audience: 'watchers' })).map(({ type }) => type as string);
    await until(async () => (await types()).length === 4, 'the episode');
    await sleep(3_000);
    expect((await types()).sort()).toEqual([
      'speed_above_120',
      'speed_above_80',
      'speed_below_120',
      'speed_below_80',
    ]);
    expect([await owns(first), await owns(second)]).toEqual([false, true]);
    const scrape = await Scrape.of(first);
    expect(scrape.value('samserver_crew_events_total', { type: 'speed_above_80' })).toBe(0);
    const [state] = await old.all('leases');
    expect(state).toMatchObject({ _id: 'crew-events', epoch: 2 });
  } finally {
    first.program.child.kill('SIGCONT');
    await Promise.all([first, second].map(({ program }) => program.kill('SIGTERM')));
  }
});
