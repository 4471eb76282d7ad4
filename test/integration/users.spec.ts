import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { UsersRepository } from '../../src/auth/users/users.repository.js';
import { UsersService } from '../../src/auth/users/users.service.js';
import { adminToken, call } from '../support/http.js';
import { logIn, newUser } from '../support/test-users.js';
import { startTestService, type TestService } from '../support/test-service.js';

let service: TestService;
let other: TestService;
let token: string;
beforeAll(async () => {
  service = await startTestService();
  other = await startTestService({}, service.database);
  token = await adminToken(service);
});
afterAll(async () => {
  await other.stop();
  await service.stop();
});

const path = '/api/v1/users';
const dispatcher = {
  email: 'Leitstelle@Example.org',
  name: 'Leitstelle',
  role: 'dispatcher',
  password: 'a long pass phrase',
};

describe('users', () => {
  it('are created, read, changed and deleted, and no answer contains a password or its hash', async () => {
    const created = await call(service, 'POST', path, { token, body: dispatcher });
    expect(created.status).toBe(201);
    const { id } = created.body;
    expect(created.headers.get('location')).toBe(`${path}/${id}`);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{24}$/),
      email: 'leitstelle@example.org',
      name: 'Leitstelle',
      role: 'dispatcher',
      createdAt: expect.stringMatching(/Z$/),
      updatedAt: expect.stringMatching(/Z$/),
    });
    expect(await call(service, 'GET', `${path}/${id}`, { token })).toMatchObject({
      status: 200,
      body: created.body,
    });

    const changed = await call(service, 'PATCH', `${path}/${id}`, { token, body: { name: 'Leitstelle 2' } });
    expect(changed).toMatchObject({
      status: 200,
      body: { ...created.body, name: 'Leitstelle 2', updatedAt: expect.any(String) },
    });
    expect(changed.body.updatedAt > created.body.updatedAt).toBe(true);

    expect((await call(service, 'DELETE', `${path}/${id}`, { token })).status).toBe(204);
    for (const method of ['GET', 'DELETE']) {
      expect(await call(service, method, `${path}/${id}`, { token })).toMatchObject({
        status: 404,
        body: { code: 'users/not-found' },
      });
    }
  });

  it('have a unique e-mail address, regardless of case', async () => {
    const body = { ...dispatcher, email: 'one@example.org' };
    expect((await call(service, 'POST', path, { token, body })).status).toBe(201);
    const again = await call(service, 'POST', path, { token, body: { ...body, email: ' ONE@example.org ' } });
    expect(again).toMatchObject({ status: 409, body: { code: 'users/email-taken' } });

    const second = await newUser(service, token, 'viewer');
    expect(
      await call(service, 'PATCH', `${path}/${second.id}`, { token, body: { email: 'One@example.org' } }),
    ).toMatchObject({ status: 409, body: { code: 'users/email-taken' } });
  });

  it.each([
    ['no address', { email: 'no-address' }, 'email'],
    ['a long address', { email: `${'x'.repeat(250)}@example.org` }, 'email'],
    ['an empty name', { name: '  ' }, 'name'],
    ['a long name', { name: 'x'.repeat(81) }, 'name'],
    ['a line break', { name: 'a\nb' }, 'name'],
    ['an unknown role', { role: 'root' }, 'role'],
    ['null', { name: null }, 'name'],
    ['an unknown field', { passwordHash: 'x' }, 'passwordHash'],
    ['a short password', { password: 'x'.repeat(11) }, 'password'],
    ['a long password', { password: 'x'.repeat(73) }, 'password'],
    ['37 characters of two bytes', { password: 'ü'.repeat(37) }, 'password'],
  ])('are refused with %s, and changes with it', async (_what, fault, field) => {
    const created = await call(service, 'POST', path, { token, body: { ...dispatcher, ...fault } });
    expect(created).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path: field }] },
    });
    const changed = await call(service, 'PATCH', `${path}/66f0c0ffee0123456789abcd`, { token, body: fault });
    expect(changed).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path: field }] },
    });
    if (field === 'password')
      expect(created.body.errors[0].message).toMatch(/^password must be 12 to 72 bytes/);
  });

  it.each(['66f0c0ffee0123456789abcd', 'nonsense', '%00'])('are 404 for the id %s', async (id) => {
    expect(await call(service, 'PATCH', `${path}/${id}`, { token, body: { name: 'x' } })).toMatchObject({
      status: 404,
      body: { code: 'users/not-found' },
    });
  });

  it('are paged, each once', async () => {
    const seen: string[] = [];
    let query = '?limit=2';
    for (;;) {
      const { body } = await call(service, 'GET', `${path}${query}`, { token });
      expect(body.items.length).toBeLessThanOrEqual(2);
      seen.push(...body.items.map((user: { id: string }) => user.id));
      if (body.nextCursor === null) break;
      query = `?limit=2&cursor=${body.nextCursor}`;
    }
    const { body: all } = await call(service, 'GET', path, { token });
    expect(seen).toEqual(all.items.map((user: { id: string }) => user.id));
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(all)).not.toMatch(/hash|\$2b\$/i);
    expect((await call(service, 'GET', `${path}?limit=501`, { token })).status).toBe(400);
  });
});

describe('the last admin', () => {
  it('can be renamed, but neither deleted nor demoted', async () => {
    const { body } = await call(service, 'GET', '/api/v1/auth/me', { token });
    const own = `${path}/${body.id}`;
    const refused = { status: 409, body: { code: 'users/last-admin' } };
    expect(await call(service, 'DELETE', own, { token })).toMatchObject(refused);
    expect(await call(service, 'PATCH', own, { token, body: { role: 'viewer' } })).toMatchObject(refused);
    expect(
      (await call(service, 'PATCH', own, { token, body: { name: 'Chief', role: 'admin' } })).status,
    ).toBe(200);
  });

  it('can be deleted when there is another admin', async () => {
    const second = await newUser(service, token, 'admin');
    const { accessToken } = await logIn(service, second);
    expect(
      await call(service, 'PATCH', `${path}/${second.id}`, { token: accessToken, body: { role: 'viewer' } }),
    ).toMatchObject({ status: 200, body: { role: 'viewer' } });
  });

  it('remains when two admins delete each other on two instances at the same moment', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { body: first } = await call(service, 'GET', '/api/v1/auth/me', { token });
      const second = await newUser(service, token, 'admin');
      const { accessToken } = await logIn(other, second);
      const [one, two] = await Promise.all([
        call(service, 'DELETE', `${path}/${second.id}`, { token }),
        call(other, 'DELETE', `${path}/${first.id}`, { token: accessToken }),
      ]);
      // The first deletion succeeds. The second one is refused, or its session has already ended.
      expect([one, two].filter(({ status }) => status === 204)).toHaveLength(1);
      expect([401, 409]).toContain(one.status === 204 ? two.status : one.status);
      if (two.status === 204) token = accessToken;
    }
  });

  it('remains when all admins are deleted and demoted at the same time', async () => {
    const repositories = [service, other].map(({ service: { app } }) => app.get(UsersRepository));
    const services = [service, other].map(({ service: { app } }) => app.get(UsersService));
    const users = repositories[0];
    if (!users) throw new Error('no repository');
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 8; n += 1) {
        const email = `race-${round}-${n}@example.org`;
        await users.create({ id: users.newId(), email, name: 'x', role: 'admin', passwordHash: 'x' });
      }
      const admins = await users.listAdmins();
      const attempts = services.flatMap((each, instance) =>
        admins.map(({ id }, n) =>
          (n + instance) % 2 === 0 ? each.remove(id) : each.update(id, { role: 'viewer' }),
        ),
      );
      const outcomes = await Promise.allSettled(attempts);
      const refusals = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [(outcome.reason as { code?: string }).code] : [],
      );
      const unexpected = refusals.filter((code) => code !== 'users/last-admin' && code !== 'users/not-found');
      expect(unexpected).toEqual([]);
      expect(await users.listAdmins()).toHaveLength(1);
    }
  });
});
