import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Clock } from '../../src/core/index.js';
import { call } from '../support/http.js';
import { CRASH, formOf, newBox, postJson, postRaw, SNAPSHOT, TRACKING } from '../support/old-boxes.js';
import { OldPanel } from '../support/old-panel.js';
import { imagesOf, jpeg } from '../support/pictures.js';
import { until } from '../support/sockets.js';
import type { StallingProxy } from '../support/stalling-proxy.js';
import { startStallingService, type StallingService } from '../support/stalling-service.js';
import type { TestService } from '../support/test-service.js';

let stalling: StallingService;
let proxy: StallingProxy;
let service: TestService;
beforeAll(async () => {
  stalling = await startStallingService({ MONGODB_TIMEOUT_MS: '1000' });
  ({ proxy, service } = stalling);
});
afterAll(() => stalling.stop());

const report = (boxCode: string, lat = 13.7563) => ({
  ambulance_id: boxCode,
  tracking_latitude: String(lat),
  tracking_longitude: '100.5018',
  tracking_speed: '10',
  tracking_heading: '87',
});
const historyOf = async (url: string, vehicleId: string, token: string): Promise<{ time: string }[]> =>
  (await call({ url }, 'GET', `/api/v1/vehicles/${vehicleId}/positions`, { token })).body.items;

describe('a database that does not answer', () => {
  it('is a 503 for every request of a box, sends panels nothing, and loses no request that is sent again', async () => {
    const { vehicleId, boxCode, token } = await newBox(service);
    const panel = await OldPanel.open(service.socketUrl);
    await panel.join('tracking', 'snap', 'crash');
    const picture = async () => formOf({ ambulance_id: boxCode }, [['a.jpg', await jpeg(21)]]);
    expect((await postJson(service, TRACKING, report(boxCode))).status).toBe(200);
    await panel.frames(1);

    proxy.stall();
    const answers = await Promise.all([
      postJson(service, TRACKING, report(boxCode, 13.7564)),
      postJson(service, CRASH, report(boxCode)),
      postRaw(service, SNAPSHOT, await picture()),
    ]);
    for (const { status, headers, text } of answers) {
      expect([status, text]).toEqual([503, '{"success":false}']);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await panel.frames(1)).toHaveLength(1);

    proxy.resume();
    // A box repeats its request. The first tries can fail on connections that the outage has broken.
    const untilTaken = (post: () => Promise<{ status: number }>): Promise<void> =>
      until(async () => (await post()).status === 200, 'an accepted request');
    await untilTaken(() => postJson(service, TRACKING, report(boxCode, 13.7565)));
    await untilTaken(() => postJson(service, CRASH, report(boxCode)));
    await untilTaken(async () => postRaw(service, SNAPSHOT, await picture()));
    expect((await imagesOf(service, vehicleId, token)).body.items).toHaveLength(1);
    const history = (await historyOf(service.url, vehicleId, token)) as unknown as { lat: number }[];
    expect(history.map(({ lat }) => lat)).toEqual(expect.arrayContaining([13.7563, 13.7565]));
    panel.close();
  });
});

describe('the time that a box does not send', () => {
  it('rises in the next process too, even when its clock is a minute behind', async () => {
    const { vehicleId, boxCode, token } = await newBox(service);
    const first = await service.another();
    for (let n = 0; n < 3; n += 1) await postJson(first, TRACKING, report(boxCode, 13.7 + n * 1e-5));
    await first.stop();

    const second = await service.another();
    const clock = second.service.app.get(Clock);
    jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() - 60_000);
    for (let n = 3; n < 6; n += 1) {
      const { text } = await postJson(second, TRACKING, report(boxCode, 13.7 + n * 1e-5));
      expect(text).toBe('{"success":true}');
    }
    const history = (await historyOf(second.url, vehicleId, token)) as unknown as {
      lat: number;
      time: string;
    }[];
    expect(history.map(({ lat }) => lat)).toEqual([0, 1, 2, 3, 4, 5].map((n) => 13.7 + n * 1e-5));
    expect(new Set(history.map(({ time }) => time)).size).toBe(6);
    await second.stop();
  });
});
