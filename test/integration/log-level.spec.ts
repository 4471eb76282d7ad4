import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LogLevel } from '../../src/core/index.js';
import { adminToken, type Answer, call } from '../support/http.js';
import { until } from '../support/sockets.js';
import { OPS_TOKEN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let levels: LogLevel;
beforeAll(async () => {
  service = await startTestService({ OPS_TOKEN });
  levels = service.service.app.get(LogLevel);
});
afterAll(() => service.stop());
// The level at the start of the test service.
const configured = process.env['TEST_LOG'] ?? 'silent';
afterEach(() => void levels.change(configured as 'silent', 0));

const change = (body: unknown): Promise<Answer> =>
  call(service, 'PUT', '/api/v1/ops/log-level', { token: OPS_TOKEN, body });

describe('PUT /api/v1/ops/log-level', () => {
  it('changes the level for 900 s by default', async () => {
    const beforeMs = Date.now();
    const { status, body } = await change({ level: 'error' });
    expect([status, body.level, levels.current]).toEqual([200, 'error', 'error']);
    expect(Date.parse(body.until) - beforeMs).toBeGreaterThanOrEqual(900_000);
    expect(Date.parse(body.until) - beforeMs).toBeLessThan(960_000);
  });

  it('returns to the configured level after forS, and not with 0', async () => {
    await change({ level: 'error', forS: 1 });
    await until(() => levels.current === configured, 'the configured level');
    expect((await change({ level: 'warn', forS: 0 })).body).toEqual({ level: 'warn', until: null });
  });

  it.each([
    {},
    { level: 'loud' },
    { level: 'DEBUG' },
    { level: ['debug'] },
    { level: 'debug', forS: -1 },
    { level: 'debug', forS: 86_401 },
    { level: 'debug', forS: 1.5 },
    { level: 'debug', forS: '60' },
    { level: 'debug', until: '2030-01-01' },
  ])('refuses %j', async (body) => {
    expect(await change(body)).toMatchObject({ status: 400, body: { code: 'input/invalid' } });
    expect(levels.current).toBe(configured);
  });

  it('is recorded in the audit log', async () => {
    await change({ level: 'error', forS: 7 });
    const { body } = await call(service, 'GET', '/api/v1/audit?limit=5', {
      token: await adminToken(service),
    });
    expect(body.items).toContainEqual(
      expect.objectContaining({
        action: 'ops.log-level-changed',
        actor: { kind: 'operator', id: null, email: null },
        target: { kind: 'instance', id: expect.any(String), email: null },
        details: { from: configured, to: 'error', forS: '7' },
        requestId: expect.any(String),
        failure: null,
      }),
    );
  });
});
