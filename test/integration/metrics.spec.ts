import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { adminToken, call, newVehicle } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, openSocket, until } from '../support/sockets.js';
import { routesOf } from '../support/surface.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

const REVISION = 'c0ffee0123456789abcdef0123456789abcdef01';
const release = { RELEASE_REVISION: REVISION, RELEASE_COLOR: 'green' };

let service: TestService;
let admin: string;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN, ...release });
  admin = await adminToken(service);
});
afterAll(() => service.stop());

const scrape = (): Promise<Scrape> => Scrape.of(service);
/** An answer may arrive before it is counted. When the scrape is the only request in flight, all are counted. */
async function quietScrape(): Promise<Scrape> {
  let now = await scrape();
  await until(async () => {
    now = await scrape();
    return now.value('samserver_http_requests_in_flight') === 1;
  });
  return now;
}
const startMs = Date.now() - 3_600_000;
const fix = (n: number) => ({ lat: 48, lon: 11, time: new Date(startMs + n * 1_000).toISOString() });

describe('/metrics', () => {
  it('is Prometheus text that is not cached, for GET and HEAD', async () => {
    for (const method of ['GET', 'HEAD']) {
      const { status, headers, body } = await call(service, method, '/metrics', { token: OPS_TOKEN });
      expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
      expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
      expect(Number(headers.get('content-length'))).toBeGreaterThan(1_000);
      expect(String(body).length > 0).toBe(method === 'GET');
    }
  });

  it('has a help sentence, a type and units that promtool accepts', async () => {
    const { text } = await scrape();
    const own = [...text.matchAll(/^# HELP (samserver_\w+) (.+)$/gm)];
    expect(own.length).toBeGreaterThan(15);
    for (const [, name = '', help = ''] of own) {
      expect([name, help.length > 30, help.endsWith('.')]).toEqual([name, true, true]);
      expect(text).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`, 'm'));
    }
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text });
    if (error) {
      process.stderr.write(
        'SKIPPED: promtool is not installed (Debian: prometheus); /metrics was not checked with it\n',
      );
      return;
    }
    expect([String(stdout), String(stderr), status]).toEqual(['', '', 0]);
  });

  it('names the build', async () => {
    const info = (await scrape()).samples.find(({ name }) => name === 'samserver_build_info');
    expect(info).toMatchObject({
      value: 1,
      labels: { version: expect.stringMatching(/^\d+\.\d+\.\d+/), revision: REVISION, color: 'green' },
    });
  });

  it('has the seven values of the old process manager', async () => {
    for (let n = 0; n < 20; n += 1) await call(service, 'GET', '/api/v1/vehicles', { token: admin });
    let now = await scrape();
    await until(async () => {
      now = await scrape();
      return now.value('samserver_event_loop_latency_mean_seconds')! >= 0;
    });
    const value = (name: string): number => now.value(name) ?? NaN;
    expect(value('samserver_http_last_minute_requests')).toBeGreaterThanOrEqual(20);
    const mean = value('samserver_http_last_minute_mean_seconds');
    const p95 = value('samserver_http_last_minute_p95_seconds');
    expect([mean > 0, mean < 10, p95 > 0, p95 < 10]).toEqual([true, true, true, true]);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(30e6);
    expect(value('samserver_heap_used_ratio')).toBeGreaterThan(0.05);
    expect(value('samserver_heap_used_ratio')).toBeLessThanOrEqual(1);
    expect(value('samserver_event_loop_latency_mean_seconds')).toBeLessThan(10);
    expect(value('samserver_event_loop_latency_max_seconds')).toBeGreaterThanOrEqual(
      value('samserver_event_loop_latency_mean_seconds'),
    );
    expect(value('samserver_active_handles')).toBeGreaterThanOrEqual(2);
  });

  it('excludes probes from the last minute', async () => {
    const before = (await scrape()).value('samserver_http_last_minute_requests') ?? NaN;
    for (const path of ['/health', '/ready', '/metrics', '/health?boot=1'])
      for (let n = 0; n < 5; n += 1) await call(service, 'GET', path, { token: OPS_TOKEN });
    // Requests can become older than a minute in between.
    expect((await scrape()).value('samserver_http_last_minute_requests')).toBeLessThanOrEqual(before);
  });
});

describe('access to /metrics', () => {
  it.each([
    ['without a token', () => undefined, 401, 'auth/token-missing'],
    ['with an invalid token', () => 'not-a-token', 401, 'auth/token-invalid'],
    ['with the token of an admin', () => admin, 403, 'auth/forbidden'],
  ])('is refused %s', async (_caller, tokenOf, status, code) => {
    const token = tokenOf();
    const answer = await call(service, 'GET', '/metrics', token === undefined ? {} : { token });
    expect(answer).toMatchObject({ status, body: { code } });
  });

  it('is granted to a listed address in any notation, and to no similar address', async () => {
    const env = {
      METRICS_ALLOW_FROM: '192.0.2.7, 2001:db8:0:0:0:0:0:1',
      TRUST_PROXY: '127.0.0.1',
    };
    const behindProxy = await service.another(env);
    const from = async (address: string): Promise<number> =>
      (await call(behindProxy, 'GET', '/metrics', { headers: { 'x-forwarded-for': address } })).status;
    const good = ['192.0.2.7', '::ffff:192.0.2.7', '::ffff:c000:207', '2001:db8::1', '2001:DB8::0:1'];
    const bad = ['192.0.2.8', '192.0.2.70', '2001:db8::2', '::ffff:192.0.2.8', 'unknown', '127.0.0.1', ''];
    expect(await Promise.all(good.map(from))).toEqual(good.map(() => 200));
    expect(await Promise.all(bad.map(from))).toEqual(bad.map(() => 401));
    await behindProxy.stop();
  });

  it('is not granted by a header from an untrusted proxy', async () => {
    const direct = await service.another({ METRICS_ALLOW_FROM: '192.0.2.7' });
    const headers = { 'x-forwarded-for': '192.0.2.7', 'x-real-ip': '192.0.2.7' };
    expect((await call(direct, 'GET', '/metrics', { headers })).status).toBe(401);
    await direct.stop();
    const local = await service.another({ METRICS_ALLOW_FROM: '::ffff:127.0.0.1' });
    expect((await call(local, 'GET', '/metrics')).status).toBe(200);
    await local.stop();
  });
});

describe('counted are', () => {
  it('positions, exactly, by verdict and way', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const before = await scrape();
    const post = (positions: unknown[]) =>
      call(service, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions } });

    await ask(device, 'position', fix(0));
    await ask(device, 'positions', { positions: [fix(1), fix(2), fix(2), { lat: 99 }] });
    await post([fix(3), fix(4), fix(1), { ...fix(5), accuracyM: 9_999 }, null]);
    await post([]);
    expect(await ask(device, 'positions', { positions: 'none' })).toHaveProperty('error');

    const after = await scrape();
    const grown = (name: string, labels: Record<string, string>): number =>
      (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    const verdicts = ['stored', 'duplicate', 'quarantined', 'rejected'];
    const byWay = (way: string): number[] =>
      verdicts.map((verdict) => grown('samserver_positions_total', { verdict, way }));
    expect(byWay('socket')).toEqual([3, 1, 0, 1]);
    expect(byWay('http')).toEqual([2, 1, 1, 1]);
    for (const way of ['socket', 'http']) {
      const labels = { way, code: 'input/invalid' };
      expect(grown('samserver_position_reports_failed_total', labels)).toBe(1);
    }
    expect(after.value('samserver_positions_waiting')).toBe(0);
    expect(after.value('samserver_positions_oldest_waiting_seconds')).toBe(0);
    device.close();
  });

  it('the time from a fix to its subscribers: once for any number of subscribers, not at all without one', async () => {
    const { vehicleId, deviceToken } = await newVehicle(service, admin);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);
    const count = async (): Promise<number> =>
      (await scrape()).value('samserver_fix_to_watcher_seconds_count') ?? NaN;
    const before = await count();
    await ask(device, 'position', fix(0));
    const subscribers = await Promise.all([1, 2].map(() => connectSocket(service.socketUrl, '/live', admin)));
    let seen = 0;
    for (const subscriber of subscribers) {
      subscriber.on('positions', ({ items }) => (seen += items.length));
      await ask(subscriber, 'watch', { vehicleIds: [vehicleId] });
    }
    await ask(device, 'positions', { positions: [fix(1), fix(2), fix(3)] });
    await until(() => seen === 6);
    expect((await count()) - before).toBe(3);
    for (const socket of [device, ...subscribers]) socket.close();
  });

  it('sockets on connect and disconnect, and clients of the old server', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    const before = await scrape();
    const sockets = await Promise.all([
      connectSocket(service.socketUrl, '/devices', deviceToken),
      connectSocket(service.socketUrl, '/devices', deviceToken),
      connectSocket(service.socketUrl, '/live', admin),
    ]);
    const open = async (): Promise<(number | undefined)[]> => {
      const now = await scrape();
      return ['/devices', '/live'].map((namespace) => now.value('samserver_sockets', { namespace }));
    };
    await until(async () => String(await open()) === '2,1');
    sockets[0]?.close();
    await until(async () => String(await open()) === '1,1');
    for (const socket of sockets) socket.close();
    await until(async () => String(await open()) === '0,0');
    const after = await scrape();
    const name = 'samserver_socket_connections_total';
    const came = ['/devices', '/live'].map(
      (namespace) => (after.value(name, { namespace }) ?? 0) - (before.value(name, { namespace }) ?? 0),
    );
    expect(came).toEqual([2, 1]);

    const old = openSocket(service.socketUrl, '/');
    const panels = async () => (await scrape()).value('samserver_sockets', { namespace: '/' });
    await until(async () => (await panels()) === 1);
    old.close();
    await until(async () => (await panels()) === 0);
  });

  it('requests by route pattern, with a bounded number of labels for 1,000 paths', async () => {
    const paths = Array.from({ length: 1_000 }, (_, n) =>
      n % 2 ? `/nothing/${n}/${Math.random()}` : `/api/v1/vehicles/${n}${Math.random()}?q=${n}`,
    );
    const before = await scrape();
    for (let start = 0; start < paths.length; start += 50) {
      await Promise.all(
        paths.slice(start, start + 50).map((path) => call(service, 'GET', path, { token: admin })),
      );
    }
    for (const method of ['PROPFIND', 'MKCOL', 'LOCK']) await call(service, method, '/nothing', {});
    const after = await quietScrape();
    const grown = (labels: Record<string, string>): number =>
      (after.value('samserver_http_requests_total', labels) ?? 0) -
      (before.value('samserver_http_requests_total', labels) ?? 0);
    const byId = { method: 'GET', route: '/api/v1/vehicles/:id', status: '404' };
    expect([grown(byId), grown({ method: 'GET', route: 'unmatched', status: '404' })]).toEqual([500, 500]);
    expect(grown({ method: 'other' })).toBe(3);
    const allowed = new Set([
      ...routesOf(service.service.app).map((each) => each.split(' ')[1]),
      'unmatched',
    ]);
    expect([...after.labelValues('route')].filter((route) => !allowed.has(route))).toEqual([]);
    expect(after.samples.length - before.samples.length).toBeLessThan(100);
  });

  it('requests that the client aborted', async () => {
    const name = 'samserver_http_requests_total';
    const before = (await scrape()).value(name, { status: 'aborted' }) ?? 0;
    const caller = connect(service.service.httpPort, '127.0.0.1');
    caller.on('error', () => undefined);
    // The body is never sent, so there is no answer before the client closes the connection.
    caller.write('POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n');
    caller.write('Content-Length: 100\r\n\r\n{');
    await until(async () => (await scrape()).value('samserver_http_requests_in_flight') === 2);
    caller.destroy();
    await until(async () => (await scrape()).value(name, { status: 'aborted' }) === before + 1);
    await quietScrape();
  });

  it('values of each instance separately, also in one process', async () => {
    const other = await service.another();
    const otherScrape = await Scrape.of(other);
    expect(otherScrape.value('samserver_positions_total')).toBe(0);
    expect((await scrape()).value('samserver_positions_total')).toBeGreaterThan(0);
    await other.stop();
  });
});
