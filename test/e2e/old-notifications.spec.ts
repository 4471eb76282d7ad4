import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  freePorts,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { call } from '../support/http.js';
import { NotificationHandler } from '../support/notification-handler.js';
import { TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldServer } from '../support/old-server.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';

const BOX = '291';
/** Long enough for a slow machine to send the next position. */
const OFFLINE_AFTER_S = 20;
const EVERY_MS = 400;

/** One drive: the speed of the next position, what happens before it, and the push that it causes. */
const DRIVE = [
  { kmh: 50, push: 'AMBULANCE_TRACKING_STATUS_ONLINE' },
  { kmh: 130, push: 'SPEED_ABOVE_120' },
  { kmh: 110, push: 'SPEED_BELOW_120' },
  { kmh: 60, push: 'SPEED_BELOW_80' },
  { kmh: 90, push: 'SPEED_ABOVE_80' },
  { kmh: 70, push: 'SPEED_BELOW_80' },
  { kmh: 30, status: 'COME_BACK_TO_BASE_HOSPITAL', push: 'AMBULACNE_NEAR_ABOUT_SCENE' },
  { push: 'AMBULANCE_TRACKING_STATUS_OFFLINE' },
];

let sent = 0;
/** @returns the status of the answer */
async function post(url: string, code: string, kmh: number): Promise<number> {
  sent += 1;
  const answer = await fetch(`${url}${TRACKING}`, {
    method: 'POST',
    body: new URLSearchParams({
      ambulance_id: code,
      ambulance_box_code: code,
      tracking_latitude: (13.7 + sent * 1e-5).toFixed(6),
      tracking_longitude: '100.5',
      tracking_heading: '90.0',
      tracking_speed: String(kmh / 3.6),
    }),
  });
  return answer.status;
}

/** An ambulance that the old server has tracked before, with an open request. */
async function addAmbulance(database: OldDatabase): Promise<void> {
  const ambulanceId = OldDatabase.id(await database.addAmbulance(BOX));
  const place = { lat: 13.7, lon: 100.5 };
  const earlier = new Date(Date.now() - 3_600_000);
  await database.collection('ambulance_trackings').insertOne({
    ...{
      ambulance_id: ambulanceId,
      location: place,
      source_location: place,
      speed: 0,
      avg_speed: 0,
      heading: 0,
    },
    destination_location: { lat: 13.71, lon: 100.5 },
    ...{ count_datetime: earlier, state: 'GREEN', covered_distance: 0, estimated_time: 0 },
    ...{ createdAt: earlier, updatedAt: earlier, __v: 0 },
  });
  await database.collection('aoc_requests').insertOne({
    ambulance_id: ambulanceId,
    request_status: 'DEPART_FROM_BASE_HOSPITAL',
    request_type: 'EMS',
  });
}

async function play(url: string, database: OldDatabase, handler: NotificationHandler): Promise<void> {
  await until(async () => (await post(url, BOX, 50)) === 200, 'the box to be known');
  for (const [n, { kmh, status, push }] of DRIVE.entries()) {
    if (status !== undefined)
      await database.collection('aoc_requests').updateOne({}, { $set: { request_status: status } });
    await until(async () => {
      if (handler.pushes.length > n) return true;
      // The request is not read with every position, so a box that goes on sending gets it noticed.
      if (kmh !== undefined) await post(url, BOX, kmh);
      await sleep(EVERY_MS);
      return handler.pushes.length > n;
    }, push);
  }
}

describe('the drive by the old rules', () => {
  const expected = DRIVE.map(({ push }) => `${push} ${BOX}`);

  it('gives eight notifications through the old server', async () => {
    const handler = await NotificationHandler.onFreePort();
    const server = await OldServer.start({
      url: handler.url,
      offlineAfterMs: OFFLINE_AFTER_S * 1_000,
    });
    const database = await OldDatabase.open(server.database.url);
    try {
      await handler.start(server.database.url);
      await addAmbulance(database);
      await play(server.url, database, handler);
      expect([handler.pushes, handler.deaths, server.restarts]).toEqual([expected, 0, 0]);
    } finally {
      await database.close();
      await server.stop();
      await handler.stop();
    }
  }, 120_000);

  describe('through Samserver', () => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
    let database: Program;
    let databaseUrl: string;
    let old: OldDatabase;
    let handler: NotificationHandler;
    let service: Program;
    let url: string;
    beforeAll(async () => {
      directory = await temporaryDirectory();
      ({ program: database, url: databaseUrl } = await startDatabase(join(directory.path, 'db')));
      old = await OldDatabase.open(databaseUrl);
      handler = await NotificationHandler.onFreePort();
      await handler.start(databaseUrl);
      await addAmbulance(old);
      for (const code of ['292', '294']) await old.addAmbulance(code);
      const withoutLanguage = { hospital_id: 'of a user without a language' };
      await old.collection('hospital_users').insertOne({ ...withoutLanguage });
      for (const code of ['293', '295', '296']) await old.addAmbulance(code, withoutLanguage);
      const ports = await freePorts();
      url = `http://127.0.0.1:${ports.http}`;
      service = await startProcess(ports, {
        ADMIN_EMAIL: ADMIN.email,
        ADMIN_PASSWORD: ADMIN.password,
        MONGODB_URL: databaseUrl,
        SCHEMA_ON_START: 'up',
        JWT_SECRET,
        OPS_TOKEN,
        LEGACY_COLLECTIONS: 'write',
        CREW_OFFLINE_AFTER_S: String(OFFLINE_AFTER_S),
        PANEL_NOTIFICATION_URL: handler.url,
      });
      await adopt();
    }, 60_000);
    afterAll(async () => {
      await service.kill('SIGTERM');
      await old.close();
      await handler.stop();
      await database.kill('SIGTERM');
      await directory.remove();
    });

    async function adopt(): Promise<void> {
      const command = Program.start('cli.js', ['adopt'], { MONGODB_URL: databaseUrl, JWT_SECRET });
      if ((await command.exited).code !== 0) throw new Error(command.output);
    }

    const idOf = async (code: string) => (await old.all('ambulances', { ambulance_box_code: code }))[0]._id;
    const notifications = (vehicleId: unknown) => old.all('crew_events', { audience: 'panel', vehicleId });

    it('gives the same eight, and none ends the handler', async () => {
      await play(url, old, handler);
      expect([handler.pushes, handler.deaths]).toEqual([expected, 0]);
    }, 180_000);

    it('gives none of a vehicle that the operators have removed, which would end the handler', async () => {
      const ambulanceId = await idOf('292');
      await until(async () => (await post(url, '292', 0)) === 200, 'the box to be known');
      await old.collection('ambulances').deleteOne({ _id: ambulanceId });
      await post(url, '292', 90);
      await until(
        async () => (await notifications(ambulanceId)).some(({ type }) => type === 'speed_above_80'),
        'the notification',
      );
      await until(
        async () => (await notifications(ambulanceId)).every(({ sendState }) => sendState === 'kept'),
        'it to be kept',
      );
      expect([handler.pushes, handler.deaths]).toEqual([expected, 0]);

      const body = { aoc_request_id: '', notification_type: 'SPEED_ABOVE_80' };
      const ask = (ambulance_id: string) =>
        fetch(handler.url, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ ...body, ambulance_id }),
        });
      expect((await ask('no id')).status).toBe(500);
      await expect(ask(String(ambulanceId))).rejects.toThrow('fetch failed');
      await until(() => handler.deaths === 1, 'the end of the handler');
    }, 60_000);

    it('gives up a notification that has ended the handler twice, and sends the others', async () => {
      const badId = await idOf('293');
      for (const code of ['293', '294'])
        await until(async () => (await post(url, code, 0)) === 200, 'the box to be known');
      await until(
        () =>
          fetch(handler.url).then(
            () => true,
            () => false,
          ),
        'the handler',
      );
      const before = handler.deaths;
      await post(url, '293', 90);
      await until(
        async () => (await notifications(badId)).some(({ sendState }) => sendState === 'dead'),
        'it to be given up',
      );
      await until(() => handler.deaths >= before + 2, 'the second end of the handler');
      expect(handler.deaths).toBe(before + 2);
      await post(url, '294', 90);
      await until(() => handler.pushes.includes('SPEED_ABOVE_80 294'), 'the push of the other one');
      const scrape = await Scrape.of({ url });
      expect(scrape.value('samserver_panel_notifications_stopped')).toBe(0);
      for (const outcome of ['dead', 'not_in_ambulances'])
        expect(scrape.value('samserver_panel_notifications_total', { outcome })).toBeGreaterThan(0);
    }, 120_000);

    it('stops after the third end in a row', async () => {
      const stopped = async () => {
        const { body } = await call({ url }, 'GET', '/ready', { token: OPS_TOKEN });
        return body.checks.backlogs.detail.notifications;
      };
      expect(await stopped()).toEqual({ lagS: expect.any(Number), stopped: false });
      const before = handler.deaths;
      for (const code of ['295', '296'])
        await until(async () => (await post(url, code, 0)) === 200, 'the box to be known');
      for (const code of ['295', '296']) await post(url, code, 90);
      await until(async () => (await stopped()).stopped === true, 'the stop');
      expect((await Scrape.of({ url })).value('samserver_panel_notifications_stopped')).toBe(1);
      expect(service.output).toContain('panel notifications stopped');
      await until(() => handler.deaths >= before + 3, 'the third end of the handler');
      expect(handler.deaths).toBe(before + 3);
    }, 120_000);
  });
});
