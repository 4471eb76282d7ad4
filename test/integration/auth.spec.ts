import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EventStream } from '../../src/cluster/index.js';
import { Clock } from '../../src/core/index.js';
import { getConnectionToken } from '@nestjs/mongoose';
import { hash } from 'bcrypt';
import { createHmac } from 'node:crypto';
import { type Connection, Types } from 'mongoose';
import type { Socket } from 'socket.io-client';
import { SessionsService } from '../../src/auth/sessions/sessions.service.js';
import { UsersRepository } from '../../src/auth/users/users.repository.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { logIn, me, newUser } from '../support/test-users.js';
import { comparedRounds } from '../support/fast-bcrypt.js';
import { connectSocket, until } from '../support/sockets.js';
import {
  ADMIN,
  type Instance,
  isClosedByServer,
  JWT_SECRET,
  startTestService,
  type TestService,
} from '../support/test-service.js';

let service: TestService;
/** Another instance on the same database. */
let other: TestService;
let admin: string;
const open: Socket[] = [];
beforeAll(async () => {
  service = await startTestService();
  other = await startTestService({}, service.database);
  admin = await adminToken(service);
});
afterAll(async () => {
  open.forEach((socket) => socket.close());
  await other.stop();
  await service.stop();
});

async function watch(instance: TestService, token: string): Promise<Socket> {
  const socket = await connectSocket(instance.socketUrl, '/live', token);
  open.push(socket);
  return socket;
}

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('logging in', () => {
  it('gives the first admin a pair of tokens', async () => {
    const answer = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    expect(answer).toMatchObject({ status: 200, body: { tokenType: 'Bearer', expiresIn: 900 } });
    expect(Object.keys(answer.body).sort()).toEqual([
      'accessToken',
      'expiresIn',
      'refreshToken',
      'tokenType',
    ]);
  });

  it.each([
    ['a wrong password', { ...ADMIN, password: 'wrong' }],
    ['an unknown address', { ...ADMIN, email: 'unknown@example.org' }],
  ])('answers %s alike', async (_what, body) => {
    const answer = await call(service, 'POST', '/api/v1/auth/login', { body });
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth/bad-credentials' } });
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
  });

  it('names every invalid field and repeats no value', async () => {
    const answer = await call(service, 'POST', '/api/v1/auth/login', {
      body: { email: 5, pasword: 'hunter2' },
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'input/invalid' } });
    expect(answer.body.errors.map((fault: { path: string }) => fault.path).sort()).toEqual([
      'email',
      'password',
      'pasword',
    ]);
    expect(JSON.stringify(answer.body)).not.toContain('hunter2');
  });
});

describe('refreshing', () => {
  const refresh = (refreshToken: string, instance: TestService = service) =>
    call(instance, 'POST', '/api/v1/auth/refresh', { body: { refreshToken } });

  it('gives the previous token the same successor, so that a lost answer ends no session', async () => {
    const { body: first } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    const [one, other] = await Promise.all([refresh(first.refreshToken), refresh(first.refreshToken)]);
    const again = await refresh(first.refreshToken);
    expect([one.status, other.status, again.status]).toEqual([200, 200, 200]);
    expect(new Set([one, other, again].map((answer) => answer.body.refreshToken)).size).toBe(1);
  });

  /** Runs a step as if the clock of all instances were ahead. */
  async function later<T>(ms: number, step: () => Promise<T>): Promise<T> {
    const clocks = [service, other].map(({ service: { app } }) => jest.spyOn(app.get(Clock), 'nowMs'));
    for (const clock of clocks) clock.mockImplementation(() => Date.now() + ms);
    try {
      return await step();
    } finally {
      for (const clock of clocks) clock.mockRestore();
    }
  }
  const ended = { status: 401, body: { code: 'auth/session-revoked' } };

  it('gives the current successor to every token that was rotated within 30 s, on every instance', async () => {
    const { body: first } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    const { body: second } = await refresh(first.refreshToken);
    const { body: third } = await later(20_000, () => refresh(second.refreshToken));
    const { body: fourth } = await later(25_000, () => refresh(third.refreshToken, other));
    const current = { status: 200, body: { refreshToken: fourth.refreshToken } };
    for (const { refreshToken } of [first, second, third])
      for (const instance of [service, other])
        expect(await later(29_000, () => refresh(refreshToken, instance))).toMatchObject(current);
    expect(await later(49_000, () => refresh(second.refreshToken))).toMatchObject(current);
    // The second token was rotated 20 s after the first.
    expect(await later(51_000, () => refresh(second.refreshToken))).toMatchObject(ended);
    expect(await later(51_000, () => refresh(fourth.refreshToken))).toMatchObject(ended);
  });

  it('ends the session when a token is used more than 30 s after its rotation', async () => {
    const { body: first } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    const { body: second } = await refresh(first.refreshToken);
    expect(await later(31_000, () => refresh(first.refreshToken))).toMatchObject(ended);
    expect(await refresh(second.refreshToken)).toMatchObject(ended);
    expect((await me(service, second.accessToken)).status).toBe(401);
  });

  it('logs no tab of a restored window out: six tabs, 20 times', async () => {
    const { body: login } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    /** What the tabs share, as in the storage of a browser. */
    let held: string = login.refreshToken;
    async function refreshInTab(tab: number, refreshToken: string): Promise<void> {
      const answer = await refresh(refreshToken, tab % 2 === 0 ? service : other);
      expect(answer).toMatchObject({ status: 200 });
      held = answer.body.refreshToken;
    }
    const tabs = [0, 1, 2, 3, 4, 5];
    for (let time = 0; time < 20; time += 1) {
      await Promise.all(tabs.map((tab) => refreshInTab(tab, held)));
      // Every second tab has read the token early and is slow: it is up to three rotations back.
      const readEarly = held;
      for (const tab of tabs) await refreshInTab(tab, tab % 2 === 0 ? readEarly : held);
    }
    expect(await refresh(held)).toMatchObject({ status: 200 });
  });

  it('keeps its size when one client rotates without an end', async () => {
    const { body: login } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    const tokens: string[] = [login.refreshToken];
    for (let n = 0; n < 130; n += 1) tokens.push((await refresh(tokens.at(-1) ?? '')).body.refreshToken);
    expect(await refresh(tokens[0] ?? '')).toMatchObject({
      status: 200,
      body: { refreshToken: tokens.at(-1) },
    });
    const [sessionId] = login.refreshToken.split('.');
    const stored = await service.service.app
      .get<Connection>(getConnectionToken())
      .collection('sessions')
      .findOne({ _id: new Types.ObjectId(String(sessionId)) });
    expect(stored?.['recentRotations']).toHaveLength(100);
  });

  it('refuses a forged token', async () => {
    const { body } = await call(service, 'POST', '/api/v1/auth/login', { body: ADMIN });
    const [session] = String(body.refreshToken).split('.');
    expect(await refresh(`${session}.1.${'A'.repeat(43)}`)).toMatchObject({
      status: 401,
      body: { code: 'auth/token-invalid' },
    });
  });
});

describe('the guard', () => {
  it('requires a token', async () => {
    const answer = await call(service, 'GET', '/api/v1/vehicles');
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth/token-missing' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it.each([
    [
      'alg none',
      `${base64url({ alg: 'none' })}.${base64url({ sub: 'x', role: 'admin', sid: 'y', iss: 'samserver' })}.`,
    ],
    [
      'another secret',
      sign({ sub: 'x', role: 'admin', sid: 'y', iss: 'samserver', exp: 4_000_000_000 }, 'wrong'),
    ],
    [
      'another issuer',
      sign({ sub: 'x', role: 'admin', sid: 'y', iss: 'else', exp: 4_000_000_000 }, JWT_SECRET),
    ],
    [
      'an unknown role',
      sign({ sub: 'x', role: 'root', sid: 'y', iss: 'samserver', exp: 4_000_000_000 }, JWT_SECRET),
    ],
    ['noise', 'noise'],
  ])('refuses %s', async (_what, token) => {
    const answer = await call(service, 'GET', '/api/v1/vehicles', { token });
    expect(answer).toMatchObject({ status: 401, body: { code: 'auth/token-invalid' } });
  });

  it('distinguishes an expired token from an invalid one', async () => {
    const token = sign(
      { sub: 'x', role: 'admin', sid: 'y', iss: 'samserver', exp: 1_000_000_000 },
      JWT_SECRET,
    );
    expect(await call(service, 'GET', '/api/v1/vehicles', { token })).toMatchObject({
      status: 401,
      body: { code: 'auth/token-expired' },
    });
  });

  it('refuses devices on the routes of users', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    expect(await call(service, 'GET', '/api/v1/vehicles', { token: deviceToken })).toMatchObject({
      status: 403,
      body: { code: 'auth/forbidden' },
    });
  });
});

describe('hashes of the old server', () => {
  let users: UsersRepository;
  beforeAll(() => {
    users = service.service.app.get(UsersRepository);
  });
  const password = 'an old pass phrase';

  /** With the prefix that bcrypt of other languages writes. */
  const oldHash = async (text: string): Promise<string> => (await hash(text, 10)).replace('$2b$', '$2a$');

  it('are accepted, and are replaced by stronger ones after the answer', async () => {
    const email = 'old@example.org';
    const id = users.newId();
    await users.create({ id, email, name: 'Old', role: 'viewer', passwordHash: await oldHash(password) });
    await logIn(service, { email, password });
    await until(async () => (await users.getById(id)).passwordHash.startsWith('$2b$12$'));
    await logIn(service, { email, password });
  });

  it('accept a password that is longer than bcrypt reads', async () => {
    const long = 'x'.repeat(100);
    const email = 'long@example.org';
    await users.create({
      id: users.newId(),
      email,
      name: 'Long',
      role: 'viewer',
      passwordHash: await oldHash(long),
    });
    await logIn(service, { email, password: long });
  });

  it('may be in records without the counters of this service', async () => {
    const connection = service.service.app.get<Connection>(getConnectionToken());
    const email = 'moved@example.org';
    const { insertedId } = await connection
      .collection('users')
      .insertOne({ email, name: 'Moved', role: 'admin', passwordHash: await oldHash(password) });
    const { accessToken: token } = await logIn(service, { email, password });
    const path = `/api/v1/users/${insertedId.toHexString()}`;
    const renamed = await call(service, 'PATCH', path, { token, body: { name: 'Renamed' } });
    expect(renamed).toMatchObject({ status: 200, body: { name: 'Renamed', createdAt: expect.any(String) } });
    expect((await call(service, 'PATCH', path, { token, body: { role: 'viewer' } })).status).toBe(200);
    expect((await me(service, token)).status).toBe(401);
  });

  it.each([
    ['an unknown address', null],
    ['a user of this service', 12],
    ['a hash of the old server', 10],
    ['a weaker hash', 4],
    ['a malformed hash', 'plain text'],
  ])('cost the same work and give the same answer for a wrong password: %s', async (what, stored) => {
    const email = `${what.replaceAll(' ', '-')}@example.org`;
    const passwordHash = typeof stored === 'number' ? await hash(password, stored) : stored;
    if (passwordHash !== null) {
      await users.create({ id: users.newId(), email, name: 'x', role: 'viewer', passwordHash });
    }
    comparedRounds.length = 0;
    const { status, body } = await call(service, 'POST', '/api/v1/auth/login', {
      body: { email, password: 'wrong' },
    });
    expect(comparedRounds.reduce((sum, rounds) => sum + 2 ** rounds, 0)).toBe(2 ** 12);
    expect([status, { ...body, requestId: '' }]).toEqual([
      401,
      {
        type: expect.any(String),
        title: 'Unauthorized',
        status: 401,
        detail: 'E-mail address or password is wrong.',
        code: 'auth/bad-credentials',
        requestId: '',
      },
    ]);
  });

  it('with more rounds than new ones are replaced, because their time shows that the user exists', async () => {
    const email = 'slow@example.org';
    const id = users.newId();
    await users.create({ id, email, name: 'Slow', role: 'viewer', passwordHash: await hash(password, 13) });
    await logIn(service, { email, password });
    await until(
      async () => (await users.getById(id)).passwordHash.startsWith('$2b$12$'),
      'a hash with 12 rounds',
    );
  });

  it.each(['', 'plain text', '$2b$12$short', '$2y$10$' + 'a'.repeat(53), '$2b$31$' + 'a'.repeat(53)])(
    'are a wrong password when they are not valid hashes: %j',
    async (passwordHash) => {
      const email = `broken-${passwordHash.length}${passwordHash.charAt(4)}@example.org`;
      await users.create({
        id: users.newId(),
        email,
        name: 'x',
        role: 'viewer',
        passwordHash: passwordHash || ' ',
      });
      const answer = await call(service, 'POST', '/api/v1/auth/login', { body: { email, password: 'x' } });
      expect(answer).toMatchObject({ status: 401, body: { code: 'auth/bad-credentials' } });
    },
  );
});

describe('a session', () => {
  const ended = { status: 401, body: { code: 'auth/session-revoked' } };
  const finalWord = { data: { code: 'auth/session-revoked' } };

  it('returns the current user', async () => {
    const user = await newUser(service, admin, 'viewer');
    const { accessToken } = await logIn(service, user);
    expect(await me(service, accessToken)).toMatchObject({
      status: 200,
      body: { id: user.id, email: user.email, role: 'viewer' },
    });
    expect((await me(service, accessToken)).body).not.toHaveProperty('passwordHash');
  });

  it('ends at once with a log-out, and no other session of the same user ends', async () => {
    const user = await newUser(service, admin, 'viewer');
    const [mine, elsewhere] = [await logIn(service, user), await logIn(service, user)];
    const [socket, kept] = [
      await watch(service, mine.accessToken),
      await watch(service, elsewhere.accessToken),
    ];
    expect((await me(service, mine.accessToken)).status).toBe(200);

    const { status } = await call(service, 'POST', '/api/v1/auth/logout', { token: mine.accessToken });
    expect(status).toBe(204);
    expect([isClosedByServer(service, socket), isClosedByServer(service, kept)]).toEqual([true, false]);
    expect(await me(service, mine.accessToken)).toMatchObject(ended);
    await until(() => socket.disconnected);
    await expect(watch(service, mine.accessToken)).rejects.toMatchObject(finalWord);
    const body = { refreshToken: mine.refreshToken };
    expect(await call(service, 'POST', '/api/v1/auth/refresh', { body })).toMatchObject(ended);

    expect((await me(service, elsewhere.accessToken)).status).toBe(200);
    expect(kept.connected).toBe(true);
  });

  it.each([
    ['a new role', 'PATCH', { role: 'dispatcher' }],
    ['a new password', 'PATCH', { password: 'another long pass phrase' }],
    ['the user’s deletion', 'DELETE', undefined],
  ])('ends with %s, on every instance', async (_what, method, body) => {
    const user = await newUser(service, admin, 'viewer');
    const { accessToken, refreshToken } = await logIn(service, user);
    const sockets = [await watch(service, accessToken), await watch(other, accessToken)];
    const reasons = sockets.map(
      (socket) => new Promise<string>((resolve) => void socket.once('disconnect', resolve)),
    );
    for (const instance of [service, other]) expect((await me(instance, accessToken)).status).toBe(200);

    const path = `/api/v1/users/${user.id}`;
    const { status } = await call(service, method, path, { token: admin, body });
    expect(status).toBe(method === 'DELETE' ? 204 : 200);
    expect(await me(service, accessToken)).toMatchObject(ended);
    await until(async () => (await me(other, accessToken)).status === 401, 'the other instance');
    // The transport closes, so a client reconnects by itself and then gets the final refusal.
    expect(await Promise.all(reasons)).toEqual(['transport close', 'transport close']);
    await expect(watch(other, accessToken)).rejects.toMatchObject(finalWord);
    expect(await call(other, 'POST', '/api/v1/auth/refresh', { body: { refreshToken } })).toMatchObject(
      ended,
    );
  });

  it('does not end when the user gets a new name', async () => {
    const user = await newUser(service, admin, 'viewer');
    const { accessToken } = await logIn(service, user);
    const body = { name: 'New Name', role: 'viewer' };
    await call(service, 'PATCH', `/api/v1/users/${user.id}`, { token: admin, body });
    expect(await me(service, accessToken)).toMatchObject({ status: 200, body: { name: 'New Name' } });
  });

  it('ends at once when the role changes between the check of the password and the start of the session', async () => {
    const user = await newUser(service, admin, 'admin');
    const { app } = service.service;
    const asRead = await app.get(UsersRepository).getById(user.id);
    await call(service, 'PATCH', `/api/v1/users/${user.id}`, { token: admin, body: { role: 'viewer' } });
    const { accessToken } = await app.get(SessionsService).open(asRead);
    expect(await me(service, accessToken)).toMatchObject(ended);
  });

  it('that joins a namespace during its revocation is closed right after', async () => {
    const user = await newUser(service, admin, 'viewer');
    const { accessToken } = await logIn(service, user);
    // The other instance has not detected this one yet: it caches the session and accepts it.
    const stream = other.service.app.get(EventStream);
    const alone = jest.spyOn(stream, 'receivesFromAll', 'get').mockReturnValue(true);
    await me(other, accessToken);
    await call(service, 'DELETE', `/api/v1/users/${user.id}`, { token: admin });
    const socket = await watch(other, accessToken);
    alone.mockRestore();
    await until(() => socket.disconnected);
  });
});

describe('a device’s credential', () => {
  it('that is revoked on another instance closes its socket here', async () => {
    const { vehicleId, credentialId, deviceToken } = await newVehicle(service, admin);
    const socket = await connectSocket(other.socketUrl, '/devices', deviceToken);
    open.push(socket);
    const path = `/api/v1/vehicles/${vehicleId}/credentials/${credentialId}`;
    expect((await call(service, 'DELETE', path, { token: admin })).status).toBe(204);
    await until(() => socket.disconnected);
    await expect(connectSocket(other.socketUrl, '/devices', deviceToken)).rejects.toMatchObject({
      data: { code: 'auth/token-invalid' },
    });
  });
});

describe('a change of the own password', () => {
  const change = (token: string, currentPassword: string, newPassword: string) =>
    call(service, 'POST', '/api/v1/auth/password', { token, body: { currentPassword, newPassword } });

  it('ends the other sessions of the user and keeps this one', async () => {
    const user = await newUser(service, admin, 'dispatcher');
    const [mine, elsewhere] = [await logIn(service, user), await logIn(service, user)];
    const [kept, closed] = [
      await watch(service, mine.accessToken),
      await watch(service, elsewhere.accessToken),
    ];
    const password = 'a quite new pass phrase';
    expect((await change(mine.accessToken, user.password, password)).status).toBe(204);
    expect((await me(service, mine.accessToken)).status).toBe(200);
    expect((await me(service, elsewhere.accessToken)).status).toBe(401);
    await until(() => closed.disconnected);
    expect(kept.connected).toBe(true);

    const refreshed = await call(service, 'POST', '/api/v1/auth/refresh', {
      body: { refreshToken: mine.refreshToken },
    });
    expect(refreshed.status).toBe(200);
    await expect(logIn(service, user)).rejects.toThrow('auth/bad-credentials');
    await logIn(service, { ...user, password });

    const demoted = { token: admin, body: { role: 'viewer' } };
    await call(service, 'PATCH', `/api/v1/users/${user.id}`, demoted);
    expect((await me(service, mine.accessToken)).status).toBe(401);
  });

  it('requires the current password, and a new one of a valid length', async () => {
    const user = await newUser(service, admin, 'viewer');
    const { accessToken } = await logIn(service, user);
    expect(await change(accessToken, 'wrong', 'a quite new pass phrase')).toMatchObject({
      status: 400,
      body: { code: 'auth/current-password-wrong', errors: [{ path: 'currentPassword' }] },
    });
    expect(await change(accessToken, user.password, 'short')).toMatchObject({
      status: 400,
      body: { code: 'input/invalid', errors: [{ path: 'newPassword' }] },
    });
    expect((await me(service, accessToken)).status).toBe(200);
  });
});

describe('a new signing secret', () => {
  it('keeps all sessions while the previous secret is configured, and ends all when it is not', async () => {
    const before = await logIn(service, ADMIN);
    const next = { JWT_SECRET: 'the next secret, which is long enough too' };
    const rotating = await service.another({ ...next, JWT_SECRET_PREVIOUS: JWT_SECRET });
    expect((await me(rotating, before.accessToken)).status).toBe(200);
    const refresh = (at: Instance, refreshToken: string) =>
      call(at, 'POST', '/api/v1/auth/refresh', { body: { refreshToken } });
    const after = await refresh(rotating, before.refreshToken);
    expect(after.status).toBe(200);
    await rotating.stop();

    const rotated = await service.another(next);
    expect((await me(rotated, after.body.accessToken)).status).toBe(200);
    expect((await me(rotated, before.accessToken)).body.code).toBe('auth/token-invalid');
    expect((await refresh(rotated, before.refreshToken)).body.code).toBe('auth/token-invalid');
    expect((await refresh(rotated, after.body.refreshToken)).status).toBe(200);
    await rotated.stop();
  });
});

function sign(claims: Record<string, unknown>, secret: string): string {
  const body = `${base64url({ alg: 'HS256', typ: 'JWT' })}.${base64url(claims)}`;
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}
