import { describe, expect, it } from '@jest/globals';
import { LogLevel } from '../../src/core/index.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { Scrape } from '../support/scrape.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { stallingDatabase } from '../support/stalling-proxy.js';
import { startTestDatabase } from '../support/test-database.js';
import { OPS_TOKEN, startTestService } from '../support/test-service.js';

const startMs = Date.now() - 3_600_000;
const fix = (n: number) => ({ lat: 48, lon: 11, time: new Date(startMs + n * 1_000).toISOString() });

describe('while the database does not answer', () => {
  it('metrics are answered at once, show waiting positions and their age, and the log level can be changed', async () => {
    const database = await startTestDatabase();
    const { proxy, url } = await stallingDatabase(database.url);
    const env = { OPS_TOKEN, MONGODB_TIMEOUT_MS: '4000' };
    const cutOff = await startTestService(env, { ...database, url });
    const token = await adminToken(cutOff);
    const { deviceToken } = await newVehicle(cutOff, token);
    const device = await connectSocket(cutOff.socketUrl, '/devices', deviceToken);
    proxy.stall();
    const waiting = Promise.all([
      ask(device, 'positions', { positions: [fix(0), fix(1)] }),
      ask(device, 'position', fix(2)),
    ]);
    const age = 'samserver_positions_oldest_waiting_seconds';
    await until(async () => ((await Scrape.of(cutOff)).value(age) ?? 0) > 0.3);
    const startedMs = performance.now();
    expect((await Scrape.of(cutOff)).value('samserver_positions_waiting')).toBe(3);
    expect(performance.now() - startedMs).toBeLessThan(1_000);

    const body = { level: 'debug', forS: 60 };
    const changed = await call(cutOff, 'PUT', '/api/v1/ops/log-level', { token: OPS_TOKEN, body });
    expect(changed).toMatchObject({ status: 200, body: { level: 'debug', until: expect.any(String) } });
    expect(cutOff.service.app.get(LogLevel).current).toBe('debug');

    for (const answer of await waiting) expect(answer.error.code).toBe('storage/unavailable');
    const after = await Scrape.of(cutOff);
    const failed = { way: 'socket', code: 'storage/unavailable' };
    expect(after.value('samserver_position_reports_failed_total', failed)).toBe(2);
    expect(after.value('samserver_positions_waiting')).toBe(0);
    expect(after.value('samserver_positions_total')).toBe(0);
    proxy.resume();
    device.close();
    await cutOff.stop();
    await proxy.close();
    await database.stop();
  });
});
