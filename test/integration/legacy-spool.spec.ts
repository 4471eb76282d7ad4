import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitJobIntervals } from '../support/background-jobs.js';
import { call } from '../support/http.js';
import { CRASH, formOf, newBox, postJson, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldPanel } from '../support/old-panel.js';
import { imagesOf, jpeg } from '../support/pictures.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import type { StallingProxy } from '../support/stalling-proxy.js';
import { startStallingService, type StallingService } from '../support/stalling-service.js';
import { type Instance, OPS_TOKEN, type TestService } from '../support/test-service.js';

limitJobIntervals(100);

let stalling: StallingService;
let proxy: StallingProxy;
let service: TestService;
beforeAll(async () => {
  // Without a spool: it makes the vehicles and reads what the instances of the tests store.
  stalling = await startStallingService({ MONGODB_TIMEOUT_MS: '1500', OPS_TOKEN });
  ({ proxy, service } = stalling);
});
afterAll(() => stalling.stop());

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'samserver-spool-'));
});
afterEach(async () => {
  proxy.resume();
  await rm(directory, { recursive: true, force: true });
});
const spooling = (env: Record<string, string> = {}): Promise<Instance> =>
  service.another({ LEGACY_SPOOL_DIR: directory, LEGACY_SPOOL_MAX_BYTES: '10000000', ...env });

const report = (boxCode: string, n: number) => ({
  ambulance_id: boxCode,
  tracking_latitude: (13.7563 + n * 1e-5).toFixed(5),
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '87',
});
interface StoredPosition {
  readonly lat: number;
  readonly time: string;
  readonly receivedAt: string;
}
const historyOf = async (vehicleId: string, token: string): Promise<StoredPosition[]> =>
  (await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions?limit=500`, { token })).body.items;
const crashesOf = async (vehicleId: string, token: string): Promise<{ reportedAt: string }[]> =>
  (await call(service, 'GET', `/api/v1/crashes?vehicleId=${vehicleId}`, { token })).body.items;
const latsOf = (history: readonly StoredPosition[]): number[] => history.map(({ lat }) => lat);
const latsFrom = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, n) => Number((13.7563 + (from + n) * 1e-5).toFixed(5)));
const waitingIn = async (instance: Instance): Promise<number> =>
  (await Scrape.of(instance)).value('samserver_legacy_spool_posts') ?? NaN;

describe('a database that does not answer', () => {
  it('loses no request of a box: each gets its success and is stored once, in order, with its time of arrival', async () => {
    const { vehicleId, boxCode, token } = await newBox(service);
    const instance = await spooling();
    const panel = await OldPanel.open(instance.socketUrl);
    await panel.join('tracking', 'snap', 'crash');
    expect((await postJson(instance, TRACKING, report(boxCode, 0))).text).toBe('{"success":true}');
    await panel.frames(1);

    proxy.stall();
    const fromMs = Date.now();
    for (let n = 1; n < 6; n += 1) {
      const { status, text } = await postJson(instance, TRACKING, report(boxCode, n));
      expect([status, text]).toEqual([200, '{"success":true}']);
    }
    const picture = await jpeg(31);
    const form = formOf({ ambulance_id: boxCode }, [
      ['a.jpg', picture],
      ['b.jpg', await jpeg(32)],
    ]);
    const [crash, bounced, pictures] = await Promise.all([
      postJson(instance, CRASH, report(boxCode, 1)),
      postJson(instance, CRASH, report(boxCode, 1)),
      postRaw(instance, SNAPSHOT, form),
    ]);
    for (const { status, text } of [crash, bounced, pictures]) expect([status, text]).toEqual([200, '']);
    // A code that this instance has never seen.
    expect((await postJson(instance, TRACKING, report('no vehicle has it', 1))).status).toBe(503);
    const toMs = Date.now();
    expect(await waitingIn(instance)).toBe(8);
    expect(await panel.frames(1)).toHaveLength(1);

    proxy.resume();
    expect((await postJson(instance, TRACKING, report(boxCode, 6))).status).toBe(200);
    await until(async () => (await waitingIn(instance)) === 0, 'an empty spool');
    const history = await historyOf(vehicleId, token);
    expect(latsOf(history)).toEqual(latsFrom(0, 7));
    for (const { time, receivedAt } of history.slice(1, 6)) {
      expect(Date.parse(time)).toBeGreaterThanOrEqual(fromMs);
      expect(Date.parse(receivedAt)).toBeLessThanOrEqual(toMs);
    }
    const [stored, ...more] = await crashesOf(vehicleId, token);
    expect(more).toEqual([]);
    expect(Date.parse(stored?.reportedAt ?? '')).toBeLessThanOrEqual(toMs);
    const { items } = (await imagesOf(service, vehicleId, token)).body;
    expect(items).toHaveLength(2);
    for (const { createdAt } of items) expect(Date.parse(createdAt as string)).toBeLessThanOrEqual(toMs);
    await until(() => panel.texts.some((text) => text.includes('"type":"CRASH"')), 'the crash');
    await until(() => panel.texts.some((text) => text.includes('"imagesObj"')), 'the pictures');
    await until(
      () => panel.texts.some((text) => text.includes(report(boxCode, 6).tracking_latitude)),
      'the place',
    );

    const scrape = await Scrape.of(instance);
    const outcome = (post: string, name: string) =>
      scrape.value('samserver_legacy_posts_total', { post, outcome: name });
    expect([
      outcome('position', 'spooled'),
      outcome('crash', 'spooled'),
      outcome('picture', 'spooled'),
    ]).toEqual([expect.any(Number), 2, 1]);
    expect(scrape.value('samserver_legacy_spool_drained_total')).toBeGreaterThanOrEqual(8);
    // The queue is empty: requests go to storage again.
    const before = outcome('position', 'taken');
    await postJson(instance, TRACKING, report(boxCode, 7));
    expect(
      (await Scrape.of(instance)).value('samserver_legacy_posts_total', {
        post: 'position',
        outcome: 'taken',
      }),
    ).toBe((before ?? 0) + 1);
    panel.close();
    await instance.stop();
    expect(await readdir(directory)).toEqual(['boxes.json']);
  });
});

describe('a spool that can take no more', () => {
  const reasonsOf = async (instance: Instance): Promise<readonly string[]> =>
    (await call(instance, 'GET', '/ready', { token: OPS_TOKEN })).body.reasons;

  it('answers 503 as without a spool, is named in /ready, and takes requests again after it was drained', async () => {
    const { vehicleId, boxCode, token } = await newBox(service);
    const instance = await spooling({ LEGACY_SPOOL_MAX_BYTES: '8000' });
    proxy.stall();
    let accepted = 0;
    // A vehicle has a quarter of the room.
    while ((await postJson(instance, TRACKING, report(boxCode, accepted))).status === 200) accepted += 1;
    expect(accepted).toBeGreaterThan(1);
    const pictures = formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(33)]]);
    expect((await postRaw(instance, SNAPSHOT, pictures)).status).toBe(503);
    proxy.resume();
    await until(async () => (await waitingIn(instance)) === 0, 'an empty spool');
    expect(latsOf(await historyOf(vehicleId, token))).toEqual(expect.arrayContaining(latsFrom(0, accepted)));
    await until(async () => (await postJson(instance, TRACKING, report(boxCode, 30))).status === 200);
    await instance.stop();
  });

  it('because its directory cannot be used leaves requests to storage', async () => {
    const { boxCode } = await newBox(service);
    await writeFile(join(directory, 'file'), '');
    const instance = await spooling({ LEGACY_SPOOL_DIR: join(directory, 'file', 'spool') });
    expect((await postJson(instance, TRACKING, report(boxCode, 0))).status).toBe(200);
    await until(async () => (await reasonsOf(instance)).includes('legacy-spool.failing'), 'the reason');
    proxy.stall();
    expect((await postJson(instance, TRACKING, report(boxCode, 1))).status).toBe(503);
    proxy.resume();
    await instance.stop();
  });
});
