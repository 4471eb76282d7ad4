import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { storageUnavailable } from '../../src/database/index.js';
import { type HistoryRange, PositionsRepository } from '../../src/tracking/positions.repository.js';
import type { Position } from '../../src/core/index.js';
import { storeFixes } from '../support/fixes.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService();
  token = await adminToken(service);
});
afterAll(() => service.stop());
afterEach(() => {
  jest.restoreAllMocks();
});

const startMs = Date.parse('2026-11-01T10:00:00.000Z');
const at = (second: number): string => new Date(startMs + second * 1_000).toISOString();
const fix = (second: number, change: Record<string, unknown> = {}) => ({
  lat: 48.1 + second * 1e-5,
  lon: 11.5,
  time: at(second),
  ...change,
});
const seconds = (count: number): number[] => Array.from({ length: count }, (_, n) => startMs + n * 1_000);
const get = (vehicleId: string, query = '') =>
  call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions${query}`, { token });
const timesOf = (body: { items: { time: string }[] }): string[] => body.items.map(({ time }) => time);

async function allPages(vehicleId: string, query: string, from: string | null = null): Promise<string[]> {
  const { body } = await get(vehicleId, `${query}${from === null ? '' : `&cursor=${from}`}`);
  const rest = body.nextCursor === null ? [] : await allPages(vehicleId, query, body.nextCursor);
  return [...timesOf(body), ...rest];
}

describe('the positions of a vehicle', () => {
  it('are returned as they were stored', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const sent = [fix(0), fix(1, { speedMps: 3, ignition: true, attributes: { siren: true } })];
    await ask(device, 'positions', sent);
    expect(await get(vehicleId)).toMatchObject({
      status: 200,
      body: {
        items: sent.map((each) => ({ ...each, receivedAt: expect.stringMatching(/Z$/) })),
        nextCursor: null,
      },
    });
    device.close();
  });

  it('are bounded by from ≤ time < to, in any time zone', async () => {
    const { vehicleId } = await newVehicle(service, token);
    await storeFixes(service, vehicleId, seconds(10));
    expect(timesOf((await get(vehicleId, `?from=${at(3)}&to=${at(5)}`)).body)).toEqual([at(3), at(4)]);
    const zoned = encodeURIComponent('2026-11-01T11:00:08+01:00');
    expect(timesOf((await get(vehicleId, `?from=${zoned}`)).body)).toEqual([at(8), at(9)]);
    expect(timesOf((await get(vehicleId, `?to=${at(1)}`)).body)).toEqual([at(0)]);
    expect(timesOf((await get(vehicleId, `?from=${at(3)}&to=${at(3)}`)).body)).toEqual([]);
  });

  it.each(['asc', 'desc'])('are paged in order %s, each once, while more arrive', async (order) => {
    const { vehicleId } = await newVehicle(service, token);
    await storeFixes(service, vehicleId, seconds(25));
    const expected = seconds(25).map((timeMs) => new Date(timeMs).toISOString());
    if (order === 'desc') expected.reverse();
    const first = await get(vehicleId, `?order=${order}&limit=10`);
    await storeFixes(service, vehicleId, order === 'asc' ? [startMs - 500] : [startMs + 99_000]);
    const rest = await allPages(vehicleId, `?order=${order}&limit=10`, first.body.nextCursor);
    expect([...timesOf(first.body), ...rest]).toEqual(expected);
    expect(await allPages(vehicleId, `?order=${order}&limit=5&from=${at(0)}&to=${at(25)}`)).toEqual(expected);
  });

  it('do not include those of another vehicle', async () => {
    const [one, other] = [await newVehicle(service, token), await newVehicle(service, token)];
    await storeFixes(service, one.vehicleId, seconds(2));
    await storeFixes(service, other.vehicleId, seconds(3));
    expect((await get(one.vehicleId)).body.items).toHaveLength(2);
  });

  it('stay readable when it is archived', async () => {
    const { vehicleId } = await newVehicle(service, token);
    await storeFixes(service, vehicleId, seconds(2));
    await call(service, 'DELETE', `/api/v1/vehicles/${vehicleId}`, { token });
    expect((await get(vehicleId)).body.items).toHaveLength(2);
    expect((await get(vehicleId, '?format=csv')).status).toBe(200);
  });

  it.each([
    ['from=yesterday', 'from'],
    ['from=2026-11-01T10:00:00', 'from'],
    ['from=', 'from'],
    ['to=2026-02-30T10:00:00Z', 'to'],
    [`from=${at(2)}&to=${at(1)}`, 'from'],
    ['order=up', 'order'],
    ['limit=0', 'limit'],
    ['limit=5001', 'limit'],
    ['cursor=x', 'cursor'],
    ['cursor=YXNjOjE', 'cursor'],
    ['format=kml', 'format'],
    ['format=csv&limit=5', 'limit'],
    ['format=csv&cursor=YXNjOjE', 'cursor'],
    ['sort=time', 'sort'],
  ])('refuse ?%s and name the field', async (query, path) => {
    const { vehicleId } = await newVehicle(service, token);
    const order = query.startsWith('cursor=YX') ? '&order=desc' : '';
    expect(await get(vehicleId, `?${query}${order}`)).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path }] },
    });
  });

  it.each(['66f0c0ffee0123456789abcd', 'nonsense'])('of an unknown vehicle (%s) are 404', async (id) => {
    for (const query of ['', '?format=gpx'])
      expect(await get(id, query)).toMatchObject({ status: 404, body: { code: 'vehicles/not-found' } });
  });

  it('are closed to devices', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, token);
    const answer = await call(service, 'GET', `/api/v1/vehicles/${vehicleId}/positions`, {
      token: deviceToken,
    });
    expect(answer.status).toBe(403);
  });
});

describe('a file', () => {
  // More than two pages of a file.
  const COUNT = 4_321;
  let vehicleId: string;
  const expected = seconds(COUNT).map((timeMs) => new Date(timeMs).toISOString());
  beforeAll(async () => {
    const body = { callSign: 'NEF <1> & "Ä"', registration: 'M-FILE', type: 'als' };
    vehicleId = (await call(service, 'POST', '/api/v1/vehicles', { token, body })).body.id;
    await storeFixes(service, vehicleId, seconds(COUNT));
  });

  it('is CSV with a header', async () => {
    const answer = await get(vehicleId, '?format=csv');
    expect(answer.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(answer.headers.get('content-disposition')).toBe(
      `attachment; filename="NEF-1-_.csv"; filename*=UTF-8''NEF-1-%C3%84.csv`,
    );
    const rows: { time: string; lat: string; speed_mps: string }[] = parse(answer.body, { columns: true });
    expect(rows.map(({ time }) => time)).toEqual(expected);
    expect(rows[7]).toMatchObject({ lat: '48.0007', speed_mps: '12.5', heading_deg: '' });
  });

  it('is GeoJSON', async () => {
    const answer = await get(vehicleId, '?format=geojson');
    expect(answer.headers.get('content-type')).toMatch(/^application\/geo\+json/);
    const features = answer.body.features as { properties: { time: string } }[];
    expect(features.map(({ properties }) => properties.time)).toEqual(expected);
  });

  it('is GPX 1.1', async () => {
    const answer = await get(vehicleId, '?format=gpx');
    expect(answer.headers.get('content-type')).toMatch(/^application\/gpx\+xml/);
    expect(XMLValidator.validate(answer.body)).toBe(true);
    const { gpx } = new XMLParser({ ignoreAttributes: false }).parse(answer.body);
    expect(gpx).toMatchObject({ '@_version': '1.1', '@_xmlns': 'http://www.topografix.com/GPX/1/1' });
    expect(gpx.metadata.name).toBe('NEF <1> & "Ä"');
    const points = gpx.trk.trkseg.trkpt as { time: string }[];
    expect(points.map(({ time }) => time)).toEqual(expected);
    expect(points[7]).toMatchObject({ '@_lat': '48.0007', '@_lon': '11.5' });
  });

  it('holds the requested range, in its order', async () => {
    const { body } = await get(vehicleId, `?format=csv&order=desc&from=${at(1)}&to=${at(2_500)}`);
    const rows: { time: string }[] = parse(body, { columns: true });
    expect(rows.map(({ time }) => time)).toEqual(expected.slice(1, 2_500).reverse());
  });

  it.each(['csv', 'geojson', 'gpx'])('is complete without any position: %s', async (format) => {
    const answer = await get(vehicleId, `?format=${format}&to=2001-01-01T00:00:00Z`);
    expect(answer.status).toBe(200);
    if (format === 'gpx') expect(XMLValidator.validate(answer.body)).toBe(true);
    if (format === 'geojson') expect(answer.body.features).toEqual([]);
    if (format === 'csv') expect(parse(answer.body)).toHaveLength(1);
  });

  it('is a 503 when storage fails before its first page', async () => {
    const repository = service.service.app.get(PositionsRepository);
    jest.spyOn(repository, 'listRange').mockRejectedValue(storageUnavailable());
    expect(await get(vehicleId, '?format=csv')).toMatchObject({
      status: 503,
      body: { code: 'storage/unavailable' },
    });
  });

  it.each([1, 2, 3])('that fails at page %i is cut off and does not look complete', async (failing) => {
    const repository = service.service.app.get(PositionsRepository);
    const listRange = repository.listRange.bind(repository);
    let read = 0;
    jest.spyOn(repository, 'listRange').mockImplementation((range, limit) => {
      read += 1;
      return read > failing ? Promise.reject(storageUnavailable()) : listRange(range, limit);
    });
    // The file has three pages, so no later read can fail.
    if (failing === 3) expect((await get(vehicleId, '?format=csv')).status).toBe(200);
    else await expect(get(vehicleId, '?format=csv')).rejects.toThrow('terminated');
  });
});

describe('a long file', () => {
  /** A history without end: only the reader limits how much is read. */
  function endless(): { reads: () => number } {
    let reads = 0;
    const listRange = async (range: HistoryRange, limit: number): Promise<Position[]> => {
      reads += 1;
      const fromMs = range.fromMs ?? startMs;
      return Array.from({ length: limit }, (_, n) => ({
        vehicleId: range.vehicleId,
        lat: 48,
        lon: 11,
        timeMs: fromMs + n,
        receivedAtMs: fromMs + n,
      }));
    };
    jest.spyOn(service.service.app.get(PositionsRepository), 'listRange').mockImplementation(listRange);
    return { reads: () => reads };
  }

  function open(vehicleId: string, method = 'GET'): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const url = `${service.url}/api/v1/vehicles/${vehicleId}/positions?format=geojson`;
      const headers = { authorization: `Bearer ${token}` };
      httpRequest(url, { method, headers, agent: false }, resolve).on('error', reject).end();
    });
  }

  const still = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  it('waits for a slow reader, and ends when the reader disconnects', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const history = endless();
    const response = await open(vehicleId);
    response.pause();
    // The buffers of the sockets take a few megabytes, and a page is a quarter of a megabyte.
    let before = -1;
    await until(async () => {
      before = history.reads();
      await still(300);
      return history.reads() === before;
    });
    response.resume();
    await until(() => history.reads() > before + 5);
    response.destroy();
    await until(async () => {
      const then = history.reads();
      await still(100);
      return history.reads() === then;
    });
  });

  it('is not written for a HEAD request', async () => {
    const { vehicleId } = await newVehicle(service, token);
    const history = endless();
    const response = await open(vehicleId, 'HEAD');
    expect(response.headers['content-type']).toMatch(/geo\+json/);
    await still(200);
    expect(history.reads()).toBeLessThan(5);
    response.destroy();
  });
});
