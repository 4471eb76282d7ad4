import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Clock } from '../../src/core/index.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(500);
const LIMIT_S = 300;
/** The time at which the clock of the service stands at the beginning. */
const startMs = Date.now();

let service: TestService;
let token: string;
let vehicleId: string;
let deviceToken: string;
let elapsedS = 0;
beforeAll(async () => {
  service = await startTestService({
    OPS_TOKEN,
    POSITION_CLOCK_BEHIND_S: String(LIMIT_S),
    ACCESS_TOKEN_TTL_S: '86400',
  });
  jest.spyOn(service.service.app.get(Clock), 'nowMs').mockImplementation(() => startMs + elapsedS * 1_000);
  token = await adminToken(service);
});
afterAll(() => service.stop());
beforeEach(async () => {
  ({ vehicleId, deviceToken } = await newVehicle(service, token));
});

/** A fix by a device clock that is `behindS` seconds behind that of the service. */
const fix = (behindS: number) => ({
  lat: 48,
  lon: 11,
  time: new Date(startMs + (elapsedS - behindS) * 1_000).toISOString(),
});
async function report(...positions: unknown[]): Promise<string[]> {
  const { body } = await call(service, 'POST', '/api/v1/positions', {
    token: deviceToken,
    body: { positions },
  });
  return body.results.map(({ verdict, code }: { verdict: string; code?: string }) => code ?? verdict);
}
/** Reports once a minute of the clock of the service. */
async function reportFor(seconds: number, makeFix: () => unknown): Promise<string[]> {
  const verdicts = new Set<string>();
  for (let second = 0; second < seconds; second += 60) {
    elapsedS += 60;
    for (const each of await report(makeFix())) verdicts.add(each);
  }
  return [...verdicts];
}
const lastPosition = async (instance: Instance = service) =>
  (await call(instance, 'GET', `/api/v1/vehicles/${vehicleId}`, { token })).body.lastPosition;
const isBehind = async (instance?: Instance) => (await lastPosition(instance)).clock === 'behind';

describe('a vehicle that reports while its newest fix time stands still', () => {
  it('is shown as behind everywhere, on every instance and after a restart, until a newer fix', async () => {
    await report(fix(0));
    const newest = (await lastPosition()).time;
    const subscriber = await connectSocket(service.socketUrl, '/live', token);
    const vehicles: { lastPosition: { clock?: string } }[] = [];
    subscriber.on('vehicle', ({ vehicle }) => vehicles.push(vehicle));
    const crew: string[] = [];
    subscriber.on('crew', ({ event }) => crew.push(event.type));
    const frames: { clock?: string }[] = [];
    subscriber.on('positions', ({ items }) =>
      frames.push(...items.map(({ position }: { position: object }) => position)),
    );
    await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });

    expect(await reportFor(LIMIT_S - 60, () => fix(3_600))).toEqual(['stored']);
    expect(await isBehind()).toBe(false);
    expect(await reportFor(60, () => fix(3_600))).toEqual(['stored']);
    expect(await lastPosition()).toMatchObject({ time: newest, clock: 'behind' });

    await until(() => vehicles.length > 0, 'the change of the vehicle');
    await until(() => crew.includes('clock_behind'), 'the crew event');
    expect(vehicles.at(-1)?.lastPosition).toMatchObject({ time: newest, clock: 'behind' });
    await report(fix(3_599));
    await until(() => frames.at(-1)?.clock === 'behind', 'a frame with the mark');
    const { snapshot } = await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    expect(snapshot).toMatchObject([{ vehicleId, position: { time: newest, clock: 'behind' } }]);
    const live = await call(service, 'GET', '/api/v1/positions/live', { token });
    expect(live.body.items).toMatchObject([{ vehicleId, position: { clock: 'behind' } }]);
    const nearest = await call(service, 'GET', '/api/v1/vehicles/nearest?lat=48&lon=11&maxAgeS=86400', {
      token,
    });
    expect(nearest.body).toEqual({ items: [], excluded: { stale: 0, noPosition: 0, status: 0, clock: 1 } });
    expect((await Scrape.of(service)).value('samserver_vehicles_clock_behind')).toBe(1);

    const other = await service.another();
    try {
      expect(await isBehind(other)).toBe(true);
      await report(fix(0));
      expect(await isBehind()).toBe(false);
      await until(() => vehicles.at(-1)?.lastPosition.clock === undefined, 'the end of the mark');
      await until(async () => !(await isBehind(other)), 'the end of the mark on the other instance');
    } finally {
      await other.stop();
      subscriber.close();
    }
  });

  it('after a rollover is behind, although all of its reports are quarantined', async () => {
    await report(fix(0));
    expect(await reportFor(LIMIT_S, () => fix(1_024 * 7 * 86_400))).toEqual(['stale_clock']);
    expect(await isBehind()).toBe(true);
  });

  it('without a fix is not behind: its clock advances', async () => {
    await report(fix(0));
    expect(await reportFor(2 * LIMIT_S, () => ({ ...fix(0), lat: 0, lon: 0 }))).toEqual(['null_island']);
    expect(await isBehind()).toBe(false);
  });

  it('with a stopped clock is behind, although all of its reports are duplicates', async () => {
    const stopped = fix(0);
    await report(stopped);
    expect(await reportFor(LIMIT_S, () => stopped)).toEqual(['duplicate']);
    expect(await isBehind()).toBe(true);
  });

  it('is not behind while the time advances, however late it is', async () => {
    await report(fix(7_200));
    expect(await reportFor(2 * LIMIT_S, () => fix(7_200))).toEqual(['stored']);
    expect(await isBehind()).toBe(false);
  });

  it('is not behind when it sends again what it sent before a long silence', async () => {
    const before = fix(0);
    await report(before);
    elapsedS += 10 * LIMIT_S;
    expect(await report(before)).toEqual(['duplicate']);
    expect(await isBehind()).toBe(false);
    expect(await report(fix(0))).toEqual(['stored']);
  });

  it('is not behind after a clock that was ahead is corrected', async () => {
    await report(fix(-250));
    expect(await reportFor(2 * LIMIT_S, () => fix(0))).toEqual(['stored']);
    expect(await isBehind()).toBe(false);
  });
});
