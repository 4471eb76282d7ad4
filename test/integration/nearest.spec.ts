import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
const ids: Record<string, string> = {};

/** One degree of latitude is 111.2 km. */
const fleet: readonly [name: string, lat: number | null, status: string, ageS: number][] = [
  ['here', 48.1, 'available', 0],
  ['near', 48.11, 'available', 30],
  ['far', 48.2, 'available', 0],
  ['busy', 48.1, 'dispatched', 0],
  ['busy and never seen', null, 'dispatched', 0],
  ['silent', 48.1, 'available', 600],
  ['never seen', null, 'available', 0],
  ['archived', 48.1, 'available', 0],
];

async function report(deviceToken: string, lat: number, lon: number, ageS: number): Promise<void> {
  const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
  const time = new Date(Date.now() - ageS * 1_000).toISOString();
  expect(await ask(device, 'position', { lat, lon, time })).toMatchObject({ stored: 1 });
  device.close();
}

beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
  for (const [name, lat, status, ageS] of fleet) {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    ids[name] = vehicleId;
    if (lat !== null) await report(deviceToken, lat, 11.5, ageS);
    await call(service, 'PATCH', `/api/v1/vehicles/${vehicleId}`, { token, body: { status } });
  }
  await call(service, 'DELETE', `/api/v1/vehicles/${ids['archived']}`, { token });
});
afterAll(() => service.stop());

const nearest = (query: string) => call(service, 'GET', `/api/v1/vehicles/nearest?${query}`, { token });
const namesOf = (body: { items: { vehicle: { id: string } }[] }): (string | undefined)[] =>
  body.items.map(({ vehicle }) => Object.keys(ids).find((name) => ids[name] === vehicle.id));

describe('nearest', () => {
  it('lists available vehicles, nearest first, and counts each excluded vehicle once', async () => {
    const { status, body } = await nearest('lat=48.1&lon=11.5');
    expect(status).toBe(200);
    expect(namesOf(body)).toEqual(['here', 'near', 'far']);
    expect(body.excluded).toEqual({ stale: 1, noPosition: 1, status: 2, clock: 0 });
    expect(body.items[1]).toEqual({
      vehicle: expect.objectContaining({ id: ids['near'], status: 'available' }),
      position: expect.objectContaining({ lat: 48.11, lon: 11.5 }),
      distanceM: expect.any(Number),
      ageS: expect.any(Number),
    });
    expect(body.items[1].distanceM).toBeCloseTo(1_112, 0);
    expect(Math.abs(body.items[1].ageS - 30)).toBeLessThan(10);
    expect(body.items[1].vehicle.lastPosition).toEqual(body.items[1].position);
  });

  it('can be asked for another status, a greater age and fewer vehicles', async () => {
    expect(namesOf((await nearest('lat=48.1&lon=11.5&status=dispatched')).body)).toEqual(['busy']);
    const patient = await nearest('lat=48.3&lon=11.5&maxAgeS=3600&limit=2');
    expect(namesOf(patient.body)).toEqual(['far', 'near']);
    expect(patient.body.excluded).toEqual({ stale: 0, noPosition: 1, status: 2, clock: 0 });
  });

  it('applies a new status at once', async () => {
    const set = (status: string) =>
      call(service, 'PATCH', `/api/v1/vehicles/${ids['here']}`, { token, body: { status } });
    await set('dispatched');
    expect(namesOf((await nearest('lat=48.1&lon=11.5')).body)).toEqual(['near', 'far']);
    await set('available');
    expect(namesOf((await nearest('lat=48.1&lon=11.5')).body)).toEqual(['here', 'near', 'far']);
  });

  it.each([
    ['lon=11.5', 'lat'],
    ['lat=48.1', 'lon'],
    ['lat=&lon=11.5', 'lat'],
    ['lat=91&lon=11.5', 'lat'],
    ['lat=48&lon=-180.1', 'lon'],
    ['lat=48&lon=east', 'lon'],
    ['lat=48&lon=11&status=asleep', 'status'],
    ['lat=48&lon=11&limit=0', 'limit'],
    ['lat=48&lon=11&maxAgeS=0', 'maxAgeS'],
    ['lat=48&lon=11&radius=5', 'radius'],
  ])('refuses ?%s and names the field', async (query, path) => {
    expect(await nearest(query)).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path }] },
    });
  });
});

describe('live', () => {
  const live = (query: string) => call(service, 'GET', `/api/v1/positions/live${query}`, { token });
  const idsOf = (body: { items: { vehicleId: string }[] }): Set<string> =>
    new Set(body.items.map(({ vehicleId }) => vehicleId));

  it('lists the latest positions, without archived vehicles', async () => {
    const { status, body } = await live('');
    expect(status).toBe(200);
    expect(idsOf(body)).toEqual(new Set(['here', 'near', 'far', 'busy', 'silent'].map((name) => ids[name])));
    expect(body.items[0].position).toMatchObject({ lon: 11.5, receivedAt: expect.stringMatching(/Z$/) });
  });

  it('lists positions inside a box, also one that crosses the antimeridian', async () => {
    expect(idsOf((await live('?bbox=11,48.105,12,49')).body)).toEqual(new Set([ids['near'], ids['far']]));
    const ship = await newVehicle(service, token);
    await report(ship.deviceToken, -17, -179.5, 0);
    expect(idsOf((await live('?bbox=177,-20,-178,-15')).body)).toEqual(new Set([ship.vehicleId]));
    expect((await live('?bbox=-178,-20,177,-15')).body.items).toEqual([]);
  });

  it.each(['bbox=', 'bbox=1,2,3', 'bbox=1,3,2,2', 'bbox=1,2,3,north', 'box=1,2,3,4'])(
    'refuses ?%s',
    async (query) => {
      expect(await live(`?${query}`)).toMatchObject({ status: 400, body: { code: 'input/invalid' } });
    },
  );
});
