import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { connect } from 'node:net';
import { DomainError, type ServeLean, SharedRates } from '../../src/core/index.js';
import { DrainService, HttpDrain } from '../../src/deployment/index.js';
import { PositionsService } from '../../src/tracking/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { type Bytes, exchange, type RawRequest, requestBytes } from '../support/raw-http.js';
import { until } from '../support/sockets.js';
import { startTestService, type TestService } from '../support/test-service.js';

const PATH = '/api/v1/positions';
const FIX = { lat: 48.137154, lon: 11.576124, time: '2026-11-23T14:50:00.000Z', batteryPct: 200 };
/** It has the form of a device token. */
const OPS_TOKEN = '0f1e2d3c4b5a69788796a5b4.Wm4tVb9Xq2Ls7Rk0Jd5Hn8Pc3Gy6Fz1Te-_aQxUoIvM';
const REPORT = JSON.stringify({ positions: [FIX, { lat: 91 }] });

/** All that the client receives, without times. */
async function answerTo(service: TestService, request: RawRequest, next: Bytes[] = []): Promise<string> {
  const headers = { 'X-Request-Id': 'one-id', ...request.headers };
  const pieces = [...requestBytes({ method: 'POST', ...request, headers }), ...next];
  const { head, body } = await exchange(service.service.httpPort, pieces);
  const text = `${head}\r\n\r\n${JSON.stringify(body)}`;
  return text.replace(/Date: [^\r]*/, 'Date').replace(/"uptimeS":\d+/, 'uptime');
}

const headOf = (answer: string): string => answer.split('\r\n\r\n', 1)[0] ?? '';

/** Whether each request since then took the lean route. */
function observeRoutes({ service }: TestService): boolean[] {
  const adapter = service.app.getHttpAdapter() as unknown as { serveLean: ServeLean };
  const { serveLean } = adapter;
  const taken: boolean[] = [];
  jest.spyOn(adapter, 'serveLean').mockImplementation((request, response) => {
    const isTaken = serveLean(request, response);
    taken.push(isTaken);
    return isTaken;
  });
  return taken;
}

describe.each([
  ['without CORS', {}],
  ['with CORS', { CORS_ORIGINS: 'https://panel.example.org' }],
])('the lean routes, %s', (_, env) => {
  let service: TestService;
  let admin: string;
  let vehicleId: string;
  let token: string;
  beforeAll(async () => {
    service = await startTestService({ ...env, OPS_TOKEN });
    admin = await adminToken(service);
    ({ vehicleId, deviceToken: token } = await newVehicle(service, admin));
    await call(service, 'POST', PATH, { token, body: { positions: [FIX] } });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(() => service.stop());

  /** The answers of the lean and of the general path to the same request. */
  const both = async (request: RawRequest, next?: Bytes[]): Promise<[string, string]> => {
    const taken = observeRoutes(service);
    const { path = PATH } = request;
    const lean = await answerTo(service, { token, ...request, path }, next);
    // With a query it is not exactly the path of the lean route.
    const general = await answerTo(service, { token, ...request, path: `${path}?` }, next);
    expect(taken.filter((isTaken) => isTaken)).toHaveLength(1);
    expect(taken[0]).toBe(true);
    return [lean, general];
  };

  it('give the answer of the general path, byte for byte', async () => {
    const [lean, general] = await both({ body: REPORT });
    expect(lean).toBe(general);
    expect(lean).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(lean).toContain('"duplicate":1');
    expect(lean).toContain('X-Request-Id: one-id');
  });

  it('do so on a kept-alive connection, and for a body with a byte order mark', async () => {
    const headers = { Connection: 'keep-alive', 'Content-Type': 'application/json; charset=utf-8' };
    // The second request ends the connection.
    const next = requestBytes({ path: '/ready' });
    const [lean, general] = await both({ headers, body: `\ufeff${REPORT}` }, next);
    expect(headOf(lean)).toBe(headOf(general));
    expect(lean).toMatch(/200 OK[^]*Keep-Alive: timeout=/);
  });

  it.each([
    ['no JSON', 400, '{"positions":'],
    ['no object', 400, '1'],
    ['no positions', 400, '{}'],
    ['an expensive body', 400, `{"positions":[${'['.repeat(2_000)}${']'.repeat(2_000)}]}`],
    ['too many positions', 400, JSON.stringify({ positions: Array.from({ length: 501 }, () => FIX) })],
  ])('give the error of the general path to %s', async (_what, status, body) => {
    const [lean, general] = await both({ body });
    expect(lean).toBe(general);
    expect(lean).toMatch(`HTTP/1.1 ${status} `);
  });

  it.each([
    [503, new DomainError('positions/overloaded', 'busy', { retryAfterMs: 1_500 })],
    [503, new DomainError('storage/unavailable', 'no storage')],
    [500, new Error('unexpected')],
  ])('give the error of the general path to a failure: %i, %s', async (status, error) => {
    jest.spyOn(service.service.app.get(PositionsService), 'report').mockRejectedValue(error);
    const [lean, general] = await both({ body: REPORT });
    expect(lean).toBe(general);
    expect(lean).toMatch(`HTTP/1.1 ${status} `);
  });

  it.each(['device-events', 'json-bytes'])('count for the rate %s', async (name) => {
    const rate = service.service.app.get(SharedRates).all.find((each) => each.name === name);
    if (!rate) throw new Error('no such rate');
    jest.spyOn(rate, 'take').mockReturnValue(2_500);
    const [lean, general] = await both({ body: REPORT.padEnd(4_000) });
    expect(lean).toBe(general);
    expect(lean).toMatch(/^HTTP\/1\.1 429 [^]*Retry-After: 3\r\n/);
  });

  it('refuse an unknown and a revoked token as the general path', async () => {
    const other = await newVehicle(service, admin);
    const { credentialId, deviceToken } = other;
    const post = { token: deviceToken, body: REPORT };
    expect((await both(post))[0]).toMatch('200 OK');
    await call(service, 'DELETE', `/api/v1/vehicles/${other.vehicleId}/credentials/${credentialId}`, {
      token: admin,
    });
    for (const each of [deviceToken, `${'0'.repeat(24)}.${'a'.repeat(43)}`]) {
      jest.restoreAllMocks();
      const [lean, general] = await both({ ...post, token: each });
      expect(lean).toBe(general);
      expect(lean).toMatch(/^HTTP\/1\.1 401 [^]*WWW-Authenticate: Bearer/);
    }
  });

  it('leave the ops token and a token over 2,048 characters to the general path', async () => {
    const taken = observeRoutes(service);
    const report = { path: PATH, token: OPS_TOKEN, body: REPORT };
    expect(await answerTo(service, report)).toMatch(/^HTTP\/1\.1 403 /);
    const read = { method: 'GET', path: `/api/v1/vehicles/${vehicleId}` };
    const long = `eyJ${'a'.repeat(2_048)}.e30.abc`;
    expect(await answerTo(service, { ...read, token: long })).toMatch('auth/token-missing');
    expect(taken).toEqual([false, false]);
  });

  it('give a probe the answer of the general path, and 503 when the process is broken', async () => {
    const probe = { method: 'GET', path: '/health' };
    const [lean, general] = await both(probe);
    expect(lean).toBe(general);
    expect(lean).toMatch(/200 OK\r\n[^]*Cache-Control: no-store\r\n[^]*"status":"ok"/);
    jest.restoreAllMocks();
    jest.spyOn(service.service.app.get(DrainService), 'isOverdue', 'get').mockReturnValue(true);
    const [leanBroken, generalBroken] = await both(probe);
    expect(leanBroken).toBe(generalBroken);
    expect(leanBroken).toMatch(/503 Service Unavailable\r\n[^]*"status":"broken"/);
  });

  it('give a vehicle as the general path, with its ETag', async () => {
    const [lean, general] = await both({
      method: 'GET',
      path: `/api/v1/vehicles/${vehicleId}`,
      token: admin,
    });
    expect(lean).toBe(general);
    expect(lean).toMatch(/200 OK\r\n[^]*ETag: "[^]*"lastPosition":\{/);
  });

  it.each([
    ['', ''],
    ['limit=1', 'limit=1'],
    ['a cursor', 'limit=2&cursor=%'],
    ['filters', 'status=available&type=als&q=T-'],
  ])('list vehicles as the general path: %s', async (_what, query) => {
    const first = await call(service, 'GET', '/api/v1/vehicles?limit=1', { token: admin });
    const path = `/api/v1/vehicles${query && '?'}${query.replace('%', String(first.body.nextCursor))}`;
    const taken = observeRoutes(service);
    const read = { method: 'GET', token: admin };
    const lean = await answerTo(service, { ...read, path });
    const general = await answerTo(service, { ...read, path: `${path}${query ? '&' : '?'}` });
    expect(taken).toEqual([true, false]);
    expect(lean).toBe(general);
    expect(lean).toMatch(/200 OK\r\n[^]*"items":\[\{"id":/);
  });

  it('list live positions as the general path, which takes those with a bounding box', async () => {
    const path = '/api/v1/positions/live';
    const taken = observeRoutes(service);
    const read = { method: 'GET', token: admin };
    const lean = await answerTo(service, { ...read, path });
    const general = await answerTo(service, { ...read, path: `${path}?` });
    const inside = await answerTo(service, { ...read, path: `${path}?bbox=11,48,12,49` });
    expect(taken).toEqual([true, false, false]);
    expect([lean, inside]).toEqual([general, general]);
    expect(lean).toMatch(/200 OK\r\n[^]*"items":\[\{"vehicleId":/);
  });

  it('find the nearest vehicles as the general path', async () => {
    jest.spyOn(Date, 'now').mockReturnValue(Date.now());
    const path = '/api/v1/vehicles/nearest?lat=48.1&lon=-11.5&maxAgeS=604800&limit=500&status=available';
    const taken = observeRoutes(service);
    const read = { method: 'GET', token: admin };
    const ages = /"ageS":[\d.]+/g;
    const lean = (await answerTo(service, { ...read, path })).replace(ages, 'age');
    const general = (await answerTo(service, { ...read, path: `${path}&` })).replace(ages, 'age');
    expect(taken).toEqual([true, false]);
    expect(lean.replace(/Length: \d+/, '')).toBe(general.replace(/Length: \d+/, ''));
    expect(lean).toMatch(/200 OK\r\n[^]*"excluded":\{"noPosition":/);
  });

  it.each([
    'vehicles?limit=0',
    'vehicles?limit=501',
    'vehicles?limit=1&limit=2',
    'vehicles?q=%41',
    'vehicles?q=a+b',
    'vehicles?color=red',
    'vehicles?__proto__=1',
    'vehicles?limit',
    `vehicles?q=${'a'.repeat(41)}`,
    'vehicles?status=lost',
    'vehicles?cursor=x',
    'vehicles/nearest',
    'vehicles/nearest?lat=48.1',
    'vehicles/nearest?lat=90.1&lon=11',
    'vehicles/nearest?lat=48.1&lon=180.1',
    'vehicles/nearest?lat=1e1&lon=11',
    'vehicles/nearest?lat=48.1&lon=11&maxAgeS=604801',
  ])('leave %s to the general path', async (path) => {
    const taken = observeRoutes(service);
    await answerTo(service, { method: 'GET', path: `/api/v1/${path}`, token: admin });
    expect(taken).toEqual([false]);
  });

  it('give the error of the general path to a false cursor', async () => {
    const path = `/api/v1/vehicles?cursor=${'A'.repeat(32)}`;
    const taken = observeRoutes(service);
    const lean = await answerTo(service, { method: 'GET', path, token: admin });
    const general = await answerTo(service, { method: 'GET', path: `${path}&`, token: admin });
    expect([taken, lean]).toEqual([[true, false], general]);
    expect(lean).toMatch(/400 Bad Request\r\n[^]*cursor must be one that a former page gave/);
  });

  it('give the errors of the general path for an unknown vehicle and a false token', async () => {
    const path = `/api/v1/vehicles/${'0'.repeat(24)}`;
    const [lean, general] = await both({ method: 'GET', path, token: admin });
    expect(lean).toBe(general);
    expect(lean).toMatch('404 Not Found');
    jest.restoreAllMocks();
    const token = 'eyJhbGciOiJIUzI1NiJ9.e30.abc';
    const [leanFalse, generalFalse] = await both({ method: 'GET', path, token });
    expect(leanFalse).toBe(generalFalse);
    expect(leanFalse).toMatch('401 Unauthorized');
  });

  it.each<[string, Record<string, string>]>([
    ['If-None-Match', { 'If-None-Match': '"any"' }],
    ['a body', { 'Content-Length': '0' }],
    ['an origin', { Origin: 'https://panel.example.org' }],
  ])('leave a GET with %s to the general path', async (_what, headers) => {
    const taken = observeRoutes(service);
    await answerTo(service, { method: 'GET', path: '/health', headers });
    expect(taken).toEqual([false]);
  });

  it('take a body that arrives after its headers, in pieces', async () => {
    const taken = observeRoutes(service);
    const [head, body] = requestBytes({ method: 'POST', path: PATH, token, body: REPORT });
    const pieces = [String(head), String(body).slice(0, 40), String(body).slice(40)];
    const { status, body: answer } = await exchange(service.service.httpPort, pieces);
    expect([status, answer.duplicate, taken]).toEqual([200, 1, [true]]);
  });

  it.each<[string, RawRequest]>([
    ['another method', { method: 'PUT' }],
    ['another path', { path: `${PATH}/` }],
    ['no token', { headers: { Authorization: '' } }],
    ['the token of a user', { token: 'eyJhbGciOiJIUzI1NiJ9.e30.abc' }],
    ['another content type', { headers: { 'Content-Type': 'text/plain' } }],
    ['an encoded body', { headers: { 'Content-Encoding': 'gzip' } }],
    ['a body over the limit', { headers: { 'Content-Length': '2000001' } }],
    ['an expectation', { headers: { Expect: '100-continue' } }],
    ['an origin', { headers: { Origin: 'https://panel.example.org' } }],
  ])('leave a request with %s to the general path', async (_what, request) => {
    const taken = observeRoutes(service);
    const socket = connect(service.service.httpPort, '127.0.0.1').on('error', () => undefined);
    const pieces = requestBytes({ method: 'POST', path: PATH, token, body: REPORT, ...request });
    for (const piece of pieces) socket.write(piece);
    await until(() => taken.length > 0, 'the request');
    socket.destroy();
    expect(taken).toEqual([false]);
  });

  it('leave a chunked body to the general path', async () => {
    const taken = observeRoutes(service);
    const [head] = requestBytes({ method: 'POST', path: PATH, token, body: REPORT });
    const chunked = String(head).replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked');
    const chunk = `${REPORT.length.toString(16)}\r\n${REPORT}\r\n0\r\n\r\n`;
    const { status } = await exchange(service.service.httpPort, [chunked, chunk]);
    expect([status, taken]).toEqual([200, [false]]);
  });

  it('leave all requests to the general path while connections are closed', async () => {
    jest.spyOn(service.service.app.get(HttpDrain), 'isActive', 'get').mockReturnValue(true);
    const taken = observeRoutes(service);
    const headers = { Connection: 'keep-alive' };
    const answer = await answerTo(service, { path: PATH, token, body: REPORT, headers });
    expect(answer).toMatch(/200 OK[^]*Connection: close/);
    expect(taken).toEqual([false]);
  });
});
