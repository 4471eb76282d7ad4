import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PasswordHasher } from '../../src/auth/users/password-hasher.js';
import type { FairLimiter } from '../../src/core/index.js';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { logIn, newUser, type TestUser } from '../support/test-users.js';
import { connectSocket, until } from '../support/sockets.js';
import { ADMIN, startTestService, type TestService } from '../support/test-service.js';

const WINDOW_S = 300;
let service: TestService;
let admin: string;
beforeAll(async () => {
  service = await startTestService({
    TRUST_PROXY: '127.0.0.1',
    LOGIN_FAILURES_PER_ACCOUNT: '3',
    LOGIN_FAILURES_PER_IP: '6',
    LOGIN_FAILURE_WINDOW_S: String(WINDOW_S),
    PASSWORD_HASHES_AT_ONCE: '2',
  });
  admin = await adminToken(service);
});
afterAll(() => service.stop());

let lastPlace = 0;
/** A new IP address on each call. */
const newPlace = (): string => `198.51.100.${(lastPlace += 1)}`;

const post = (place: string, path: string, body: unknown, token?: string): Promise<Answer> =>
  call(service, 'POST', `/api/v1/auth/${path}`, {
    body,
    headers: { 'x-forwarded-for': place },
    ...(token !== undefined && { token }),
  });
const login = (place: string, email: string, password = 'wrong'): Promise<Answer> =>
  post(place, 'login', { email, password });
const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

async function failTimes(times: number, place: string, email: string): Promise<void> {
  for (let n = 0; n < times; n += 1) expect((await login(place, email)).status).toBe(401);
}

describe('password guessing', () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await newUser(service, admin, 'viewer');
  });

  it('is answered with 429 and Retry-After after some failures, even the right password, for this address only', async () => {
    const place = newPlace();
    await failTimes(3, place, user.email);
    const answer = await login(place, user.email.toUpperCase(), user.password);
    expect(answer).toMatchObject({ status: 429, body: { code: 'auth/too-many-attempts', status: 429 } });
    expect(answer.headers.get('content-type')).toMatch('application/problem+json');
    const retryAfterS = Number(answer.headers.get('retry-after'));
    expect(retryAfterS).toBeGreaterThanOrEqual(1);
    expect(retryAfterS).toBeLessThanOrEqual(WINDOW_S);

    // A dispatcher at another address can log in.
    expect((await login(newPlace(), user.email, user.password)).status).toBe(200);
  });

  it('is allowed again after a while', async () => {
    const limits = { LOGIN_FAILURES_PER_ACCOUNT: '1', LOGIN_FAILURE_WINDOW_S: '3' };
    const forgetful = await startTestService(limits, service.database);
    const attempt = (password: string): Promise<Answer> =>
      call(forgetful, 'POST', '/api/v1/auth/login', { body: { email: user.email, password } });
    expect((await attempt('wrong')).status).toBe(401);
    expect((await attempt(user.password)).status).toBe(429);
    await until(async () => (await attempt(user.password)).status === 200, 'the end of the window');
    await forgetful.stop();
  });

  it('is counted from zero after a right password', async () => {
    const place = newPlace();
    await failTimes(2, place, user.email);
    expect((await login(place, user.email, user.password)).status).toBe(200);
    await failTimes(2, place, user.email);
    expect((await login(place, user.email, user.password)).status).toBe(200);
  });

  it('on many accounts from one address is limited too, and right passwords do not reset it', async () => {
    const place = newPlace();
    const right = await Promise.all([1, 2, 3].map(() => login(place, user.email, user.password)));
    expect(statuses(right)).toEqual([200, 200, 200]);
    for (let n = 0; n < 6; n += 1) await failTimes(1, place, `unknown-${n}@example.org`);
    expect((await login(place, 'one-more@example.org')).status).toBe(429);
    expect((await login(newPlace(), 'one-more@example.org')).status).toBe(401);
  });

  it('counts requests that are sent at the same time', async () => {
    const place = newPlace();
    const answers = await Promise.all(Array.from({ length: 12 }, () => login(place, user.email)));
    expect(statuses(answers).filter((status) => status === 401)).toHaveLength(3);
    expect(statuses(answers).filter((status) => status === 429)).toHaveLength(9);
  });

  it('differs from many log-ins at once with one right password', async () => {
    const place = newPlace();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => login(place, user.email, user.password)),
    );
    expect(statuses(answers)).toEqual(Array(20).fill(200));
  });

  it('is limited by IPv6 network, not by address', async () => {
    const answers: Answer[] = [];
    for (let n = 1; n <= 4; n += 1) answers.push(await login(`2001:db8:7:7::${n}`, user.email));
    expect(statuses(answers)).toEqual([401, 401, 401, 429]);
  });

  it('with a stolen session is limited as well', async () => {
    const place = newPlace();
    const { accessToken } = await logIn(service, user);
    const guess = { currentPassword: 'wrong', newPassword: 'a quite new pass phrase' };
    const answers: Answer[] = [];
    for (let n = 0; n < 4; n += 1) answers.push(await post(place, 'password', guess, accessToken));
    expect(statuses(answers)).toEqual([400, 400, 400, 429]);
  });
});

describe('guesses from many networks at once', () => {
  /** Occupies both slots of password checks. @returns ends the occupation */
  function occupyHasher(): () => void {
    const { work } = service.service.app.get<PasswordHasher, { work: FairLimiter }>(PasswordHasher);
    let end = (): void => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    for (const key of ['a', 'b']) void work.run({ key, rank: 'known' }, () => ended);
    return end;
  }

  /** 40 log-ins with wrong passwords from 40 networks, of which 32 wait. */
  async function guess(places: readonly string[]): Promise<Promise<Answer>[]> {
    let refused = 0;
    const guesses = places.map((place) => login(place, 'guessed@example.org'));
    for (const each of guesses) void each.then(({ status }) => (refused += Number(status === 503)));
    await until(() => refused === 8, '8 refused guesses');
    return guesses;
  }

  it('keep neither a network in use nor a new one waiting', async () => {
    const user = await newUser(service, admin, 'dispatcher');
    const controlRoom = newPlace();
    const places = Array.from({ length: 40 }, newPlace);
    expect((await login(controlRoom, user.email, user.password)).status).toBe(200);

    let end = occupyHasher();
    const first = await guess(places);
    const known = login(controlRoom, user.email, user.password);
    end();
    expect((await known).status).toBe(200);
    const wrong = statuses(await Promise.all(first)).filter((status) => status === 401);
    expect(wrong).toHaveLength(32);

    // The networks with a wrong guess are suspect now, so they wait apart from new ones.
    for (const place of places) await login(place, 'y@example.org');
    end = occupyHasher();
    const second = await guess(places);
    const fresh = login(newPlace(), user.email, user.password);
    end();
    expect((await fresh).status).toBe(200);
    await Promise.all(second);
  });
});

describe('refreshing', () => {
  const refresh = (place: string, refreshToken: string) => post(place, 'refresh', { refreshToken });

  it('is limited for forged tokens and unlimited for valid ones', async () => {
    const place = newPlace();
    const { refreshToken } = await logIn(service, ADMIN);
    const good = await Promise.all(Array.from({ length: 20 }, () => refresh(place, refreshToken)));
    expect(new Set(statuses(good))).toEqual(new Set([200]));

    const [session] = refreshToken.split('.');
    const forged = `${session}.1.${'A'.repeat(43)}`;
    for (let n = 0; n < 3; n += 1) expect((await refresh(place, forged)).status).toBe(401);
    expect((await refresh(place, forged)).status).toBe(429);
    for (let n = 0; n < 3; n += 1) {
      expect((await refresh(place, `${'0'.repeat(23)}${n}.1.${'A'.repeat(43)}`)).status).toBe(401);
    }
    expect((await refresh(place, 'noise')).status).toBe(429);
    expect((await refresh(newPlace(), good[0]?.body.refreshToken)).status).toBe(200);
  });
});

describe('devices', () => {
  it('are never locked out by guesses from their address', async () => {
    const { deviceToken } = await newVehicle(service, admin);
    for (let n = 0; n < 12; n += 1)
      await call(service, 'POST', '/api/v1/auth/refresh', { body: { refreshToken: 'x' } });
    const sockets = await Promise.all(
      Array.from({ length: 100 }, () => connectSocket(service.socketUrl, '/devices', deviceToken)),
    );
    expect(sockets.every((socket) => socket.connected)).toBe(true);
    for (const socket of sockets) socket.close();
  });
});
