import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { PositionRetention } from '../../src/tracking/index.js';
import { storeFixes } from '../support/fixes.js';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { ask, connectSocket } from '../support/sockets.js';
import { stallingDatabase } from '../support/stalling-proxy.js';
import { startTestDatabase } from '../support/test-database.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

// Latencies, and bcrypt at its full cost: the results are valid on a machine without other load only.

const DAY_MS = 86_400_000;
const DAYS = 30;

let service: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService({ TRUST_PROXY: '127.0.0.1', PASSWORD_HASHES_AT_ONCE: '2' });
  token = await adminToken(service);
});
afterAll(() => service.stop());

const daysAgo = (days: number): number => Date.now() - days * DAY_MS;

let lastPlace = 0;
/** A new IP address on each call. */
const newPlace = (): string => `198.51.100.${(lastPlace += 1)}`;
const login = (place: string, email: string): Promise<Answer> =>
  call(service, 'POST', '/api/v1/auth/login', {
    body: { email, password: 'wrong' },
    headers: { 'x-forwarded-for': place },
  });

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? NaN;
}

describe('retention', () => {
  it('does not delay the ingest', async () => {
    const retention = service.service.app.get(PositionRetention);
    const old = await newVehicle(service, token);
    const times = Array.from({ length: 10_000 }, (_, n) => daysAgo(90) + n * 1_000);
    await storeFixes(service, old.vehicleId, times);
    const { deviceToken } = await newVehicle(service, token);
    const device = await connectSocket(service.socketUrl, '/devices', deviceToken);

    const latenciesMs: number[] = [];
    let isSweeping = true;
    const swept = retention.sweep(DAYS).finally(() => (isSweeping = false));
    for (let n = 0; isSweeping; n += 1) {
      const startMs = performance.now();
      const time = new Date(Date.now() - DAY_MS + n * 1_000).toISOString();
      expect(await ask(device, 'position', { lat: 48 + n * 1e-5, lon: 11, time })).toMatchObject({
        stored: 1,
      });
      latenciesMs.push(performance.now() - startMs);
    }
    expect(await swept).toMatchObject({ positions: 9_999 });
    device.close();
    expect(latenciesMs.length).toBeGreaterThan(50);
    expect(percentile(latenciesMs, 0.5)).toBeLessThan(50);
    expect(percentile(latenciesMs, 0.99)).toBeLessThan(500);
  });
});

describe('a flood of log-ins', () => {
  it('is refused with 503 beyond the queue limit, and does not delay files and probes', async () => {
    const flood = Promise.all(
      Array.from({ length: 60 }, (_, n) => login(newPlace(), `flood-${n}@example.org`)),
    );
    await sleep(300);
    const filesMs: number[] = [];
    const probesMs: number[] = [];
    for (let n = 0; n < 21; n += 1) {
      const startMs = performance.now();
      await readFile(new URL(import.meta.url));
      const probedMs = performance.now();
      await call(service, 'GET', '/health');
      filesMs.push(probedMs - startMs);
      probesMs.push(performance.now() - probedMs);
    }
    const answers = await flood;
    const busy = answers.filter(({ status }) => status === 503);
    // 2 run and 32 wait; a few more get a place that becomes free while the flood arrives.
    expect(busy.length).toBeGreaterThan(15);
    expect(busy.length).toBeLessThanOrEqual(60 - 2 - 32);
    expect(busy[0]).toMatchObject({ body: { code: 'auth/busy' } });
    expect(busy[0]?.headers.get('retry-after')).toBe('2');
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(60 - busy.length);
    // A bcrypt hash takes a quarter of a second or more: these did not wait for one.
    expect(percentile(filesMs, 0.5)).toBeLessThan(100);
    expect(percentile(probesMs, 0.5)).toBeLessThan(100);
  });
});

describe('a database that does not answer', () => {
  it('delays no probe, also for the token of an admin', async () => {
    const database = await startTestDatabase();
    const { proxy, url } = await stallingDatabase(database.url);
    const cutOff = await startTestService({ OPS_TOKEN }, { ...database, url });
    try {
      const admin = await adminToken(cutOff);
      proxy.stall();
      for (const token of [undefined, OPS_TOKEN, admin]) {
        const beganMs = performance.now();
        await call(cutOff, 'GET', '/ready', token === undefined ? {} : { token });
        expect(performance.now() - beganMs).toBeLessThan(500);
      }
    } finally {
      proxy.resume();
      await cutOff.stop();
      await proxy.close();
      await database.stop();
    }
  });
});
