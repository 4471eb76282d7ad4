import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call } from '../support/http.js';
import { CRASH, newBox, postJson, TRACKING } from '../support/old-boxes.js';
import { OldDatabase } from '../support/old-database.js';
import { OldPanel } from '../support/old-panel.js';
import { PanelNotificationServer } from '../support/panel-notification-server.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(250);

let panel: PanelNotificationServer;
let service: TestService;
let other: Instance;
let old: OldDatabase;
let vehicleId: string;
let ambulanceId: string;
let boxCode: string;
beforeAll(async () => {
  panel = await PanelNotificationServer.open();
  service = await startTestService({
    OPS_TOKEN,
    LEGACY_ROLES: 'old',
    LEGACY_COLLECTIONS: 'write',
    PANEL_NOTIFICATION_URL: panel.url,
  });
  other = await service.another();
  old = await OldDatabase.open(service.database.url);
  // Before the ambulance: the job of the move would make a vehicle of it.
  ({ vehicleId, boxCode } = await newBox(service, '310'));
  ambulanceId = await old.addAmbulance('310');
  // Without Redis the other instance learns of a new box later. A report without a place stores nothing.
  const reportNothing = () => postJson(other, TRACKING, { ambulance_id: boxCode });
  await until(async () => (await reportNothing()).status === 200, 'the box on the other instance');
});
afterAll(async () => {
  await old.close();
  await other.stop();
  await service.stop();
  await panel.close();
});

const ROLES = '/api/v1/ops/legacy-roles';
const change = (role: string, more: object = {}) =>
  call(service, 'PUT', ROLES, { token: OPS_TOKEN, body: { role, ...more } });
const shown = async ({ url }: { url: string }) =>
  (await call({ url }, 'GET', ROLES, { token: OPS_TOKEN })).body;
const untilBothHave = (role: string) =>
  until(
    async () => (await Promise.all([service, other].map(shown))).every((each) => each.role === role),
    `role ${role} on both instances`,
  );

let sent = 0;
/** One report of the box. @returns its latitude, which no other report has */
async function drive(kmh: number, instance: Instance = service): Promise<number> {
  sent += 1;
  const lat = Number((13.7 + sent * 1e-4).toFixed(6));
  const fields = { tracking_latitude: lat, tracking_longitude: 100.5, tracking_speed: kmh / 3.6 };
  const answer = await postJson(instance, TRACKING, { ambulance_id: boxCode, ...fields });
  expect([answer.status, answer.body]).toEqual([200, { success: true }]);
  return lat;
}
const crash = (instance: Instance) => postJson(instance, CRASH, { ambulance_id: boxCode });

const histories = async (): Promise<number[]> =>
  (await old.all('ambulance_tracking_histories')).map(({ location }) => location.lat as number).sort();
const crashes = async () => old.all('ambulance_crashes');
const stored = async (name: string) => old.all(name, { vehicleId: OldDatabase.id(vehicleId) });
const notifications = async (state: string) =>
  (await old.all('crew_events', { audience: 'panel', sendState: state })).map(({ type }) => type as string);

let before: number[];

describe('beside the old server', () => {
  it('a post is stored and shown, and nothing is written to the shared collections', async () => {
    const watcher = await OldPanel.open(service.socketUrl);
    await watcher.join('tracking');
    before = [await drive(10), await drive(90), await drive(100, other)];
    expect((await crash(service)).status).toBe(200);
    expect((await watcher.frames(2)).length).toBeGreaterThanOrEqual(2);
    watcher.close();
    await until(
      async () => (await notifications('shadow')).includes('speed_above_80'),
      'a shadow notification',
    );
    const positions = await stored('positions');
    expect(positions.map(({ lat, roleEpoch }) => [lat, roleEpoch])).toEqual(before.map((lat) => [lat, 0]));
    expect(await stored('crashes')).toMatchObject([{ roleEpoch: 0 }]);
    expect([await histories(), await crashes(), await old.all('ambulance_trackings')]).toEqual([[], [], []]);
  });

  it('the role is shown', async () => {
    expect(await shown(service)).toEqual({ role: 'old', epoch: 0, isStored: false, history: [] });
    const scrape = await Scrape.of(service);
    expect(scrape.value('samserver_legacy_writer')).toBe(0);
    const { body } = await call(service, 'GET', '/ready', { token: OPS_TOKEN });
    expect(JSON.stringify(body)).toContain('"legacy_roles":{"lagS":0,"role":"old","epoch":0}');
  });
});

describe('the change', () => {
  it('needs an operator, a role, and the epoch in storage when it names one', async () => {
    expect((await call(service, 'PUT', ROLES, { body: { role: 'old' } })).status).toBe(401);
    const viewer = { token: await adminToken(service), body: { role: 'old' } };
    expect((await call(service, 'PUT', ROLES, viewer)).status).toBe(403);
    expect((await change('both')).status).toBe(400);
    const outdated = await change('samserver', { epoch: 7 });
    expect([outdated.status, outdated.body.code]).toEqual([409, 'ops/legacy-roles-changed']);
  });

  it('to this service: it writes what arrives from then on, and nothing of before, under posts to two instances', async () => {
    // The old server has got one more position, with 130 km/h, and has ended.
    await old.collection('ambulance_trackings').insertOne({
      ambulance_id: OldDatabase.id(ambulanceId),
      location: { lat: 13.7, lon: 100.5 },
      speed: 130,
      avg_speed: 100,
      count_datetime: new Date(),
      updatedAt: new Date(),
    });
    const during: number[] = [];
    const posts = (async () => {
      for (let n = 0; n < 20; n += 1) during.push(await drive(125, n % 2 === 0 ? service : other));
    })();
    await until(() => during.length > 5, 'posts before the change');
    expect((await change('samserver', { epoch: 0, by: 'test' })).status).toBe(200);
    await posts;
    await untilBothHave('samserver');
    const after = [await drive(100), await drive(70, other)];
    await crash(other);
    const ours = (await stored('positions')).filter(({ roleEpoch }) => roleEpoch === 1).map(({ lat }) => lat);
    expect(ours).toEqual(expect.arrayContaining(after));
    await until(async () => (await histories()).length >= ours.length, 'every position of the new epoch');
    await until(async () => (await crashes()).length === 1, 'the crash of the new epoch');
    await until(() => panel.accepted.length >= 2, 'two notifications');
    expect(await histories()).toEqual(ours.sort());
    const types = panel.accepted.map(({ body }) => body.notification_type);
    expect(types).toEqual(['SPEED_BELOW_120', 'SPEED_BELOW_80']);
    expect(await notifications('shadow')).toEqual(
      expect.arrayContaining(['speed_above_80', 'speed_above_120']),
    );
  });

  it('back to the old server: nothing is written until this service has the role again, then all of its own', async () => {
    const written = await histories();
    const own = [await drive(60)];
    // Not written yet: the mirror collects for 250 ms.
    await change('old');
    await untilBothHave('old');
    const theirs = [await drive(130), await drive(60, other)];
    await until(
      async () => (await notifications('shadow')).includes('speed_below_80'),
      'shadow notifications',
    );
    const between = await histories();
    expect(between.filter((lat) => theirs.includes(lat))).toEqual([]);
    await change('samserver');
    await untilBothHave('samserver');
    own.push(await drive(50));
    await until(
      async () =>
        own.every((lat) => written.concat(own).includes(lat)) &&
        (await histories()).length >= written.length + 2,
      'all of its own',
    );
    expect(await histories()).toEqual([...written, ...own].sort());
    expect(panel.accepted).toHaveLength(2);
    expect(
      (await shown(other)).history.map(({ role, by }: { role: string; by: string }) => [role, by]),
    ).toEqual([
      ['samserver', 'test'],
      ['old', 'operator'],
      ['samserver', 'operator'],
    ]);
  });
});
