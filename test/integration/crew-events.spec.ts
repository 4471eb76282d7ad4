import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { mongo } from 'mongoose';
import { adminToken, call, newVehicle } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { PanelNotificationServer } from '../support/panel-notification-server.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

const NEAR = 'AMBULACNE_NEAR_ABOUT_SCENE';

let panel: PanelNotificationServer;
let service: TestService;
let old: OldDatabase;
let token: string;
beforeAll(async () => {
  panel = await PanelNotificationServer.open();
  service = await startTestService({
    OPS_TOKEN,
    PANEL_NOTIFICATION_URL: panel.url,
    PANEL_TIMEOUT_MS: '500',
    PANEL_GIVE_UP_AFTER_S: '6',
    CREW_OFFLINE_AFTER_S: '2',
    CREW_NEAR_ARRIVAL_STATUSES: 'ON_THE_WAY',
  });
  old = await OldDatabase.open(service.database.url);
  token = await adminToken(service);
});
afterAll(async () => {
  await old.close();
  await service.stop();
  await panel.close();
});
beforeEach(() => {
  panel.status = 200;
  panel.delayMs = 0;
});

class DrivingVehicle {
  private seconds = 0;
  private constructor(
    readonly vehicleId: string,
    private readonly deviceToken: string,
    private readonly startMs: number,
  ) {}

  /** @param ageS age of the first fix when it is sent */
  static async start(ageS = 60, isAmbulance = true): Promise<DrivingVehicle> {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    if (isAmbulance) await old.addAmbulance(`code of ${vehicleId}`, { _id: OldDatabase.id(vehicleId) });
    return new DrivingVehicle(vehicleId, deviceToken, Date.now() - ageS * 1_000);
  }

  async fix(kmh: number): Promise<void> {
    this.seconds += 1;
    const time = new Date(this.startMs + this.seconds * 1_000).toISOString();
    const position = {
      lat: 13.7 + this.seconds * 1e-4,
      lon: 100.5,
      time,
      speedMps: Math.max(0, kmh / 3.6 - 1e-6),
    };
    const { status, body } = await call(service, 'POST', '/api/v1/positions', {
      token: this.deviceToken,
      body: { positions: [position] },
    });
    expect([status, body.stored]).toEqual([200, 1]);
  }

  get notified(): string[] {
    return panel.accepted
      .filter(({ body }) => body.ambulance_id === this.vehicleId)
      .map(({ body }) => body.notification_type);
  }

  /** Notifications received by the panel, with any answer. */
  get asked(): number {
    return panel.received.filter(({ body }) => body.ambulance_id === this.vehicleId).length;
  }

  /** Its stored notifications. */
  async recorded(): Promise<
    {
      _id: string;
      type: string;
      sendState: string;
      attempts: number;
      failure: string | null;
      late: boolean;
    }[]
  > {
    return old.all('crew_events', { vehicleId: OldDatabase.id(this.vehicleId), audience: 'panel' });
  }

  async speedRecorded() {
    return (await this.recorded()).find(({ type }) => type.startsWith('speed'));
  }
}

const dead = async (query = 'state=dead') =>
  call(service, 'GET', `/api/v1/legacy/notifications?${query}`, { token });

describe('the panel', () => {
  it('gets each crossing by the momentary speed and offline, in order, with the old names', async () => {
    const drive = await DrivingVehicle.start();
    for (const kmh of [0, 90, 200, 100, 0]) await drive.fix(kmh);
    await until(() => drive.notified.length >= 5, 'the offline event');
    await drive.fix(90);
    await until(() => drive.notified.length >= 6, 'the next speed');
    expect(drive.notified).toEqual([
      'SPEED_ABOVE_80',
      'SPEED_ABOVE_120',
      'SPEED_BELOW_120',
      'SPEED_BELOW_80',
      'AMBULANCE_TRACKING_STATUS_OFFLINE',
      // The old server sent no online after an offline.
      'SPEED_ABOVE_80',
    ]);
    const keys = panel.accepted.map(({ key }) => key).filter((key) => key.startsWith(drive.vehicleId));
    expect([...keys].sort()).toEqual((await drive.recorded()).map(({ _id }) => _id).sort());
    expect(new Set(keys).size).toBe(6);
    expect(panel.accepted.at(-1)?.body).toEqual({
      aoc_request_id: '',
      ambulance_id: drive.vehicleId,
      notification_type: 'SPEED_ABOVE_80',
    });
  });

  it('gets nothing of a vehicle that `ambulances` does not have, or has not any more', async () => {
    const unknown = await DrivingVehicle.start(60, false);
    const removed = await DrivingVehicle.start();
    const deleted = await DrivingVehicle.start();
    panel.status = 500;
    for (const drive of [unknown, removed, deleted]) for (const kmh of [0, 90]) await drive.fix(kmh);
    await until(() => removed.asked > 0 && deleted.asked > 0, 'the first attempts');
    const ambulances = old.collection('ambulances');
    await ambulances.deleteOne({ _id: OldDatabase.id(removed.vehicleId) });
    await ambulances.updateOne({ _id: OldDatabase.id(deleted.vehicleId) }, { $set: { isdeleted: true } });
    panel.status = 200;
    for (const drive of [unknown, removed, deleted]) {
      await until(async () => (await drive.speedRecorded())?.sendState === 'kept', 'it to be kept');
      expect(await drive.speedRecorded()).toMatchObject({
        failure: 'not in ambulances',
        type: 'speed_above_80',
      });
      expect(drive.notified).toEqual([]);
    }
    expect(unknown.asked).toBe(0);
    const scrape = await Scrape.of(service);
    expect(
      scrape.value('samserver_panel_notifications_total', { outcome: 'not_in_ambulances' }),
    ).toBeGreaterThanOrEqual(3);
  });

  it('gets nothing of a backlog; its events are stored, and shown as late', async () => {
    const drive = await DrivingVehicle.start(3_600);
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const shown: { type: string; late: boolean }[] = [];
    subscriber.on('crew', ({ event }) => shown.push(event));
    await ask(subscriber, 'watch', { vehicleIds: [drive.vehicleId] });
    for (const kmh of [10, 200, 0]) await drive.fix(kmh);
    await until(() => shown.filter(({ type }) => type.startsWith('speed')).length >= 2, 'the speed events');
    // Present, so it is sent. Nothing before it is.
    await until(() => drive.notified.length > 0, 'the offline event');
    await drive.fix(10);
    await until(() => shown.some(({ type }) => type === 'online'), 'the online event');
    subscriber.close();
    expect(new Set(drive.notified)).toEqual(new Set(['AMBULANCE_TRACKING_STATUS_OFFLINE']));
    const inWords = shown.map(({ type, late }) => `${type} ${late ? 'late' : 'now'}`);
    expect(new Set(inWords)).toEqual(
      new Set(['speed_above_80 late', 'speed_below_80 late', 'offline now', 'online late']),
    );
    const kept = (await drive.recorded()).filter(({ late }) => late);
    expect(kept.map(({ type, sendState }) => `${type} ${sendState}`)).toEqual([
      'speed_above_120 kept',
      'speed_below_80 kept',
    ]);
  });

  it('gets a near arrival once, with the ids of the old system, in the statuses of the old server', async () => {
    const ambulanceId = await old.addAmbulance('291');
    const body = { callSign: 'N', registration: 'N', type: 'als', boxCode: '291' };
    await call(service, 'POST', '/api/v1/vehicles', { token, body });
    const { insertedId } = await old.collection('aoc_requests').insertOne({
      ambulance_id: OldDatabase.id(ambulanceId),
      request_status: 'ASSIGNED',
      request_type: 'EMERGENCY',
    });
    await old.collection('ambulance_trackings').insertOne({
      ambulance_id: OldDatabase.id(ambulanceId),
      destination_location: { lat: 13.75, lon: 100.5 },
    });
    let n = 0;
    const post = async (speedMps: number) => {
      n += 1;
      const answer = await fetch(`${service.url}/api/tracking/postAmbulanceTracking`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        // 5.6 km: 7 minutes at 13.9 m/s, 3 at 27.8 m/s.
        body: JSON.stringify({
          ambulance_id: '291',
          tracking_latitude: 13.7 + n * 1e-5,
          tracking_longitude: 100.5,
          tracking_speed: speedMps,
          tracking_heading: 0,
        }),
      });
      expect(await answer.json()).toEqual({ success: true });
    };
    const got = (type: string) =>
      panel.accepted
        .map(({ body: each }) => each)
        .filter((each) => each.ambulance_id === ambulanceId && each.notification_type === type);
    await post(13.9);
    await post(27.8);
    await until(() => got('SPEED_ABOVE_80').length > 0, 'the positions to be judged');
    expect(got(NEAR)).toEqual([]);
    await old
      .collection('aoc_requests')
      .updateOne({ _id: insertedId }, { $set: { request_status: 'COME_BACK_TO_BASE_HOSPITAL' } });
    await until(async () => {
      await post(27.8);
      await new Promise((resolve) => setTimeout(resolve, 300));
      return got(NEAR).length > 0;
    }, 'the near arrival');
    await post(13.9);
    await until(() => got('SPEED_BELOW_80').length > 0, 'the positions after it');
    expect(got(NEAR)).toEqual([
      { aoc_request_id: String(insertedId), ambulance_id: ambulanceId, notification_type: NEAR },
    ]);
  });

  it('may be unreachable for a while', async () => {
    const drive = await DrivingVehicle.start();
    const { port } = panel;
    await panel.close();
    for (const kmh of [0, 90]) await drive.fix(kmh);
    await until(
      async () => (await drive.speedRecorded())?.failure === 'not reached: ECONNREFUSED',
      'a failure',
    );
    panel = await PanelNotificationServer.open(port);
    await until(() => drive.notified.includes('SPEED_ABOVE_80'), 'it to be sent');
  });

  it('may answer 500 for a while: waiting notifications are sent in order afterwards', async () => {
    const drive = await DrivingVehicle.start();
    panel.status = 500;
    for (const kmh of [0, 100]) await drive.fix(kmh);
    await until(() => drive.asked > 0, 'the first attempt');
    await drive.fix(0);
    panel.status = 200;
    await until(() => drive.notified.includes('SPEED_BELOW_80'), 'both to be sent');
    // Offline events may come in between.
    const speeds = drive.notified.filter((type) => type.startsWith('SPEED'));
    expect(speeds).toEqual(['SPEED_ABOVE_80', 'SPEED_BELOW_80']);
    const first = (await drive.recorded()).find(({ type }) => type === 'speed_above_80');
    expect(first?.attempts).toBeGreaterThan(1);
  });

  it('may be slow: the notification is sent again', async () => {
    const drive = await DrivingVehicle.start();
    panel.delayMs = 1_500;
    const before = panel.received.length;
    for (const kmh of [0, 100]) await drive.fix(kmh);
    await until(() => panel.received.length > before, 'the panel to be asked');
    panel.delayMs = 0;
    await until(async () => (await drive.speedRecorded())?.sendState === 'sent', 'it to be sent');
    // A panel that answers too late gets the notification again, with the same key.
    const keys = panel.received
      .filter(({ body }) => body.ambulance_id === drive.vehicleId)
      .map(({ key }) => key);
    expect([keys.length >= 2, new Set(keys.filter((key) => key.includes('above'))).size]).toEqual([true, 1]);
  });
});

describe('GET /api/v1/legacy/notifications and its retry', () => {
  it('lists dead notifications and retries one', async () => {
    const drive = await DrivingVehicle.start();
    panel.status = 503;
    for (const kmh of [0, 100]) await drive.fix(kmh);
    const own = async () =>
      (await dead()).body.items.filter(
        ({ vehicleId }: { vehicleId: string }) => vehicleId === drive.vehicleId,
      );
    await until(async () => (await own()).length > 0, 'it to be dead');
    const given = (await own()).find(({ type }: { type: string }) => type === 'speed_above_80');
    expect(given).toMatchObject({
      type: 'speed_above_80',
      state: 'dead',
      failure: 'answered 503',
      requestId: null,
    });
    expect(given.attempts).toBeGreaterThan(1);
    const asked = drive.asked;
    panel.status = 200;
    const retry = (id: string) =>
      call(service, 'POST', `/api/v1/legacy/notifications/${id}/retry`, { token });
    const byId = { _id: given.id as unknown as mongo.ObjectId };
    await old.collection('crew_events').updateOne(byId, { $set: { closures: 2 } });
    const again = await retry(given.id);
    expect(await old.all('crew_events', byId)).toMatchObject([{ closures: 0 }]);
    expect([again.status, again.body]).toMatchObject([200, { id: given.id, state: 'waiting', attempts: 0 }]);
    await until(() => drive.notified.includes('SPEED_ABOVE_80'), 'it to be sent again');
    expect(drive.asked).toBeGreaterThan(asked);
    await until(async () => (await retry(given.id)).body.code === 'notifications/not-dead');
    expect((await retry('x')).body.code).toBe('notifications/not-found');

    const scrape = await Scrape.of(service);
    expect(scrape.value('samserver_panel_notifications_total', { outcome: 'dead' })).toBeGreaterThan(0);
    expect(scrape.value('samserver_panel_notifications_total', { outcome: 'sent' })).toBeGreaterThan(0);
    expect(scrape.value('samserver_crew_events_owner')).toBe(1);
  });

  it('pages', async () => {
    const sentIds = async () =>
      (await old.all('crew_events', { sendState: 'sent' })).map(({ _id }) => _id as string);
    const before = await sentIds();
    const ids: string[] = [];
    for (let cursor = ''; ;) {
      const { body } = await dead(`state=sent&limit=3${cursor}`);
      ids.push(...body.items.map(({ id }: { id: string }) => id));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
    }
    // Vehicles of earlier tests can go offline meanwhile: such an event may be in the pages, and no other one.
    const added = new Set(await sentIds());
    for (const id of before) added.delete(id);
    expect(ids.length).toBeGreaterThan(6);
    expect(ids.filter((id) => !added.has(id)).sort()).toEqual(before.sort());
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(['state=x', 'limit=0', 'cursor=x'])('refuses ?%s', async (query) => {
    const { status, body } = await dead(query);
    expect([status, body.code]).toEqual([400, 'input/invalid']);
  });
});

describe('/live', () => {
  it('sends the event on every instance, and again to a client with an earlier cursor', async () => {
    const other = await service.another();
    try {
      const drive = await DrivingVehicle.start();
      const subscribers = await Promise.all(
        [service, other].map(({ socketUrl }) => connectSocket(socketUrl, '/live', token)),
      );
      const received = subscribers.map((): { event: { id: string } }[] => []);
      subscribers.forEach((subscriber, index) =>
        subscriber.on('crew', (notice) => received[index]?.push(notice)),
      );
      const [{ cursor }] = await Promise.all(
        subscribers.map((subscriber) => ask(subscriber, 'watch', { vehicleIds: [drive.vehicleId] })),
      );
      await (await DrivingVehicle.start()).fix(100);
      await drive.fix(100);
      await until(() => received.every((each) => each.length > 0), 'both subscribers to get it');
      const event = {
        id: expect.stringMatching(`^${drive.vehicleId}.speed_above_80.\\d+$`),
        vehicleId: drive.vehicleId,
        type: 'speed_above_80',
        at: expect.stringMatching(/Z$/),
        lat: expect.closeTo(13.7001, 6),
        lon: 100.5,
        averageKmh: 100,
        requestId: null,
        minutesLeft: null,
        late: false,
      };
      for (const each of received) expect(each.slice(0, 1)).toEqual([{ cursor: expect.any(String), event }]);
      subscribers.forEach((subscriber) => subscriber.close());

      const back = await connectSocket(other.socketUrl, '/live', token);
      const again: string[] = [];
      back.on('crew', (notice: { event: { id: string } }) => again.push(notice.event.id));
      await ask(back, 'watch', { vehicleIds: [drive.vehicleId], since: cursor });
      await until(() => again.includes(received[0]?.[0]?.event.id ?? ''));
      back.close();
    } finally {
      await other.stop();
    }
  });
});

it('CREW_EVENTS=off: no routes and no metrics, and a replay on /live has no crew events', async () => {
  const other = await service.another({ CREW_EVENTS: 'off' });
  try {
    const path = '/api/v1/legacy/notifications';
    expect((await call(other, 'GET', path, { token })).body.code).toBe('http/not-found');
    const { samples } = await Scrape.of(other);
    expect(samples.filter(({ name }) => name.startsWith('samserver_crew_events'))).toEqual([]);

    const drive = await DrivingVehicle.start();
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const { cursor } = await ask(subscriber, 'watch', { vehicleIds: [drive.vehicleId] });
    subscriber.close();
    await drive.fix(100);
    await until(async () => (await drive.recorded()).length > 0, 'the event');
    const back = await connectSocket(other.socketUrl, '/live', token);
    const received: string[] = [];
    back.on('crew', () => received.push('crew'));
    back.on('positions', () => received.push('positions'));
    await ask(back, 'watch', { vehicleIds: [drive.vehicleId], since: cursor });
    // The replay sends crew events before positions.
    await until(() => received.includes('positions'), 'the replayed position');
    expect(received).not.toContain('crew');
    back.close();
  } finally {
    await other.stop();
  }
});
