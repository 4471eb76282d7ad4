import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AuditRepository } from '../../src/auth/audit/audit.repository.js';
import { Clock } from '../../src/core/index.js';
import { storageUnavailable } from '../../src/database/index.js';
import { type Answer, call, newVehicle } from '../support/http.js';
import { logIn, me, newUser, type TestUser } from '../support/test-users.js';
import { ADMIN, startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let admin: string;
let adminId: string;
beforeAll(async () => {
  service = await startTestService();
  admin = (await logIn(service, ADMIN)).accessToken;
  adminId = (await me(service, admin)).body.id;
});
afterAll(() => service.stop());
afterEach(() => {
  jest.restoreAllMocks();
});

const audit = (query = ''): Promise<Answer> =>
  call(service, 'GET', `/api/v1/audit${query}`, { token: admin });
// Tests read the fields that they assert.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const entries = async (query = ''): Promise<any[]> => (await audit(query)).body.items;

describe('the audit log', () => {
  it('begins with the first admin, which the service created, and its log-in', async () => {
    const all = await entries();
    expect(all.slice(-2)).toMatchObject([
      {
        action: 'auth.logged-in',
        actor: { kind: 'user', id: adminId, email: ADMIN.email },
        target: { kind: 'user', id: adminId, email: ADMIN.email },
      },
      {
        action: 'user.created',
        actor: { kind: 'service', id: null, email: null },
        target: { kind: 'user', id: adminId, email: ADMIN.email },
        requestId: null,
        ip: null,
      },
    ]);
  });

  it('has actor, action, target, time, address and request id of each action', async () => {
    const beforeMs = Date.now();
    const user = await newUser(service, admin, 'viewer');
    const path = `/api/v1/users/${user.id}`;
    const headers = { 'x-request-id': 'night-shift-7' };
    const body = { name: 'Renamed', role: 'dispatcher', password: 'another long pass phrase' };
    await call(service, 'PATCH', path, { token: admin, body, headers });
    await call(service, 'PATCH', path, { token: admin, body: { name: 'Renamed' } });
    await call(service, 'DELETE', path, { token: admin });

    const lines = await entries(`?target=${user.id}`);
    expect(lines.map(({ action, details }) => [action, details])).toEqual([
      ['user.deleted', { role: 'dispatcher' }],
      ['user.password-changed', {}],
      ['user.role-changed', { from: 'viewer', to: 'dispatcher' }],
      ['user.changed', { nameFrom: 'A viewer', nameTo: 'Renamed' }],
      ['user.created', { role: 'viewer' }],
    ]);
    expect(lines[2]).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      at: expect.stringMatching(/Z$/),
      action: 'user.role-changed',
      actor: { kind: 'user', id: adminId, email: ADMIN.email },
      target: { kind: 'user', id: user.id, email: user.email },
      details: { from: 'viewer', to: 'dispatcher' },
      requestId: 'night-shift-7',
      ip: '127.0.0.1',
      failure: null,
      failedId: null,
    });
    expect(Date.parse(lines[2].at)).toBeGreaterThanOrEqual(beforeMs);
  });

  it('records log-in and log-out, wrong passwords and replaced refresh tokens', async () => {
    const user = await newUser(service, admin, 'viewer');
    await call(service, 'POST', '/api/v1/auth/login', {
      body: { ...user, id: undefined, password: 'hunter2' },
    });
    const { accessToken, refreshToken } = await logIn(service, user);
    await call(service, 'POST', '/api/v1/auth/password', {
      token: accessToken,
      body: { currentPassword: 'hunter2', newPassword: 'another long pass phrase' },
    });
    let latest = refreshToken;
    for (let n = 0; n < 2; n += 1) {
      const { body } = await call(service, 'POST', '/api/v1/auth/refresh', {
        body: { refreshToken: latest },
      });
      latest = body.refreshToken;
    }
    const clock = jest.spyOn(service.service.app.get(Clock), 'nowMs');
    clock.mockImplementation(() => Date.now() + 31_000);
    await call(service, 'POST', '/api/v1/auth/refresh', { body: { refreshToken } });
    clock.mockRestore();
    const again = await logIn(service, user);
    await call(service, 'POST', '/api/v1/auth/logout', { token: again.accessToken });

    const lines = await entries(`?target=${encodeURIComponent(user.email.toUpperCase())}`);
    expect(lines.map(({ action, actor }) => [action, actor.kind])).toEqual([
      ['auth.logged-out', 'user'],
      ['auth.logged-in', 'user'],
      ['auth.session-reused', 'anonymous'],
      ['auth.password-check-failed', 'user'],
      ['auth.logged-in', 'user'],
      ['auth.login-failed', 'anonymous'],
      ['user.created', 'user'],
    ]);
  });

  it('records issued and revoked credentials of a device', async () => {
    const { vehicleId, credentialId } = await newVehicle(service, admin);
    const path = `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`;
    for (let n = 0; n < 2; n += 1) await call(service, 'DELETE', path, { token: admin });
    expect(await entries(`?target=${credentialId}`)).toMatchObject([
      { action: 'credential.revoked', actor: { id: adminId }, details: { vehicleId } },
      {
        action: 'credential.issued',
        target: { kind: 'credential', id: credentialId },
        details: { vehicleId },
      },
    ]);
  });

  it('has a second entry for an action that failed, with its error code', async () => {
    const [, undone, begun] = [
      await call(service, 'DELETE', `/api/v1/users/${adminId}`, { token: admin }),
      ...(await entries(`?target=${adminId}`)),
    ];
    expect(begun).toMatchObject({ action: 'user.deleted', failure: null });
    expect(undone).toMatchObject({ action: 'user.deleted', failure: 'users/last-admin', failedId: begun.id });
  });

  it('contains no secret, and no password that was typed into the wrong field', async () => {
    const body = { email: 'correct horse 99', password: 'x' };
    await call(service, 'POST', '/api/v1/auth/login', { body });
    const text = JSON.stringify(await entries('?limit=500'));
    for (const secret of ['correct horse', 'hunter2', 'pass phrase', '$2b$'])
      expect(text).not.toContain(secret);
  });

  it('is paged newest first, and the pages stay the same while entries are added', async () => {
    const before = await entries('?limit=500');
    const seen: string[] = [];
    let cursor = '';
    for (;;) {
      const { body } = await audit(`?limit=4${cursor}`);
      seen.push(...body.items.map(({ id }: { id: string }) => id));
      if (body.nextCursor === null) break;
      cursor = `&cursor=${body.nextCursor}`;
      await call(service, 'POST', '/api/v1/auth/login', { body: { email: 'x@example.org', password: 'x' } });
    }
    expect(seen).toEqual(before.map(({ id }) => id));
    expect([...seen].sort().reverse()).toEqual(seen);
  });

  it('is filtered by actor', async () => {
    const second = await newUser(service, admin, 'admin');
    const { accessToken } = await logIn(service, second);
    const third = await newUser(service, accessToken, 'viewer');
    for (const actor of [second.id, encodeURIComponent(second.email)]) {
      expect((await entries(`?actor=${actor}`)).map(({ action }) => action)).toEqual([
        'user.created',
        'auth.logged-in',
      ]);
      expect(await entries(`?actor=${actor}&target=${third.id}`)).toHaveLength(1);
    }
  });

  it.each(['actor=x', 'target=', 'limit=0', 'limit=501', 'cursor=x', 'since=1'])(
    'refuses ?%s',
    async (query) => {
      expect(await audit(`?${query}`)).toMatchObject({ status: 400, body: { code: 'input/invalid' } });
    },
  );
});

describe('an action that cannot be recorded', () => {
  let user: TestUser;
  let token: string;
  beforeAll(async () => {
    user = await newUser(service, admin, 'viewer');
    token = (await logIn(service, user)).accessToken;
  });

  it.each([
    ['making a user', 'POST', 'users', { email: 'never@example.org', name: 'x', role: 'viewer' }],
    ['changing one', 'PATCH', 'users/:user', { role: 'admin' }],
    ['deleting one', 'DELETE', 'users/:user', undefined],
    ['logging in', 'POST', 'auth/login', { email: ADMIN.email }],
  ])('is not done, and fails with 503: %s', async (_what, method, path, input) => {
    const { app } = service.service;
    jest.spyOn(app.get(AuditRepository), 'append').mockRejectedValue(storageUnavailable());
    const isLogin = path === 'auth/login';
    const body =
      method === 'POST' ? { ...input, password: isLogin ? ADMIN.password : 'a long pass phrase' } : input;
    const answer = await call(service, method, `/api/v1/${path.replace(':user', user.id)}`, {
      token: admin,
      body,
    });
    expect(answer).toMatchObject({ status: 503, body: { code: 'storage/unavailable' } });
    expect(answer.headers.get('retry-after')).toBe('2');
    jest.restoreAllMocks();

    expect((await me(service, token)).body.role).toBe('viewer');
    const { body: users } = await call(service, 'GET', '/api/v1/users', { token: admin });
    expect(users.items.map(({ email }: { email: string }) => email)).not.toContain('never@example.org');
  });
});
