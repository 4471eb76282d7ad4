import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestService, type TestService } from '../support/test-service.js';

const PANEL = 'https://panel.example.org';

let service: TestService;
beforeAll(async () => {
  service = await startTestService({
    CORS_ORIGINS: `${PANEL}, http://127.0.0.1:8080`,
    LEGACY_CLIENTS: 'off',
  });
});
afterAll(() => service.stop());

const allowedOrigin = async (url: string, origin: string, init: RequestInit = {}): Promise<string | null> => {
  const answer = await fetch(url, { ...init, headers: { Origin: origin, ...init.headers } });
  await answer.arrayBuffer();
  return answer.headers.get('access-control-allow-origin');
};

describe('CORS_ORIGINS', () => {
  it('lets pages of these origins call the API, also with a token and If-Match', async () => {
    const url = `${service.url}/api/v1/vehicles`;
    const preflight = await fetch(url, {
      method: 'OPTIONS',
      headers: {
        Origin: PANEL,
        'Access-Control-Request-Method': 'PATCH',
        'Access-Control-Request-Headers': 'authorization,if-match',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/Authorization.*If-Match/);
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    expect(await allowedOrigin(url, PANEL)).toBe(PANEL);
    expect(await allowedOrigin(url, 'http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080');
  });

  it('gives pages of other origins nothing', async () => {
    for (const origin of ['https://evil.example.org', `${PANEL}.evil.example.org`, 'null'])
      expect(await allowedOrigin(`${service.url}/api/v1/vehicles`, origin)).toBeNull();
  });

  it('counts on the socket port too', async () => {
    const url = `${service.socketUrl}/socket.io/?EIO=4&transport=polling`;
    expect(await allowedOrigin(url, PANEL)).toBe(PANEL);
    expect(await allowedOrigin(url, 'https://evil.example.org')).toBeNull();
  });
});

describe('a method that a path does not support', () => {
  it('gets 405 and the methods that it supports', async () => {
    const answer = await fetch(`${service.url}/api/v1/vehicles`, { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, GET']);
    expect(await answer.json()).toMatchObject({ code: 'http/method-not-allowed', status: 405 });
  });

  it.each(['/api/v1/nothing', '/nothing'])('gets 404 at %s, which does not exist', async (path) => {
    const answer = await fetch(`${service.url}${path}`, { method: 'DELETE' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([404, null]);
  });
});
