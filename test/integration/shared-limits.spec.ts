import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Socket } from 'socket.io-client';
import { EventStream, Redis } from '../../src/cluster/index.js';
import { RateSharing } from '../../src/cluster/rate-sharing.js';
import { SharedLimits } from '../../src/cluster/shared-limits.js';
import { BackgroundJobs, Clock, SharedRates } from '../../src/core/index.js';
import type { GuardedTransport } from '../../src/gateway/transport/guarded-transport.js';
import { TransportLimits } from '../../src/gateway/transport/transport-limits.js';
import { adminToken, type Answer, call, newVehicle } from '../support/http.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { newBox, TRACKING } from '../support/old-boxes.js';
import { newUser, type TestUser } from '../support/test-users.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { ask, connectSocket, until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const FAILURES_PER_ACCOUNT = 6;
const EVENT_BURST = 100;
const BOX_BURST = 20;
const TIME = new Date(Date.now() - 60_000).toISOString();
const FIX = { lat: 48, lon: 11, time: TIME };

describeWithRedis('limits of several instances', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let token: string;

  beforeAll(async () => {
    limitJobIntervals(300);
    redis = await RedisServer.start();
    one = await startTestService({
      REDIS_URL: redis.url,
      TRUST_PROXY: '127.0.0.1',
      LOGIN_FAILURES_PER_ACCOUNT: String(FAILURES_PER_ACCOUNT),
      SOCKET_EVENTS_PER_S: '10',
      SOCKET_EVENT_BURST: String(EVENT_BURST),
    });
    other = await one.another();
    token = await adminToken(one);
  });
  afterAll(async () => {
    await other.stop();
    await one.stop();
    await redis.stop();
  });
  beforeEach(() =>
    until(
      () => [one, other].every((each) => each.service.app.get(EventStream).memberIds.size === 1),
      'both to read the stream',
    ),
  );

  const isUp = ({ service }: Instance): boolean => service.app.get(Redis).isUp;
  let lastPlace = 0;
  /** A new IP address on each call. */
  const newPlace = (): string => `198.51.100.${(lastPlace += 1)}`;
  const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);
  const countOf = (answers: readonly Answer[], status: number): number =>
    statuses(answers).filter((each) => each === status).length;

  describe('wrong log-ins', () => {
    let user: TestUser;
    beforeAll(async () => {
      user = await newUser(one, token, 'viewer');
    });
    const login = (instance: Instance, place: string, password = 'wrong'): Promise<Answer> =>
      call(instance, 'POST', '/api/v1/auth/login', {
        body: { email: user.email, password },
        headers: { 'x-forwarded-for': place },
      });

    it('spread over two instances are refused at the limit of one, and begin anew after a right one', async () => {
      const place = newPlace();
      for (let n = 1; n < FAILURES_PER_ACCOUNT; n += 1)
        expect((await login(n % 2 ? one : other, place)).status).toBe(401);
      expect((await login(one, place, user.password)).status).toBe(200);
      for (let n = 0; n < FAILURES_PER_ACCOUNT; n += 1)
        expect((await login(n % 2 ? one : other, place)).status).toBe(401);
      for (const instance of [one, other])
        expect((await login(instance, place, user.password)).status).toBe(429);
      expect((await login(other, newPlace(), user.password)).status).toBe(200);
    });

    it('sent to both at the same time get no second limit', async () => {
      const place = newPlace();
      const guesses = Array.from({ length: 24 }, (_, n) => login(n % 2 ? one : other, place));
      const answers = await Promise.all(guesses);
      // The last one can be under way on both.
      expect(countOf(answers, 401)).toBeGreaterThanOrEqual(FAILURES_PER_ACCOUNT);
      expect(countOf(answers, 401)).toBeLessThanOrEqual(FAILURES_PER_ACCOUNT + 1);
      expect(countOf(answers, 401) + countOf(answers, 429)).toBe(24);
    });

    it('leave neither an address nor an account in Redis', async () => {
      await login(one, '203.0.113.77');
      const keys = redis.command('--scan', '--pattern', 'samserver:limit:log-in-*').split('\n');
      expect(keys.length).toBeGreaterThanOrEqual(2);
      for (const key of keys) {
        expect(key).toMatch(/^samserver:limit:log-in-(account|network):[0-9a-f]{4}$/);
        expect(Number(redis.command('TTL', key))).toBeGreaterThan(0);
      }
    });

    it('are limited by each instance while Redis does not answer, and in common when it is back', async () => {
      const place = newPlace();
      for (let n = 0; n < FAILURES_PER_ACCOUNT; n += 1) await login(other, place);
      redis.pause();
      for (let n = 0; n < FAILURES_PER_ACCOUNT; n += 1) expect((await login(one, place)).status).toBe(401);
      expect((await login(one, place)).status).toBe(429);
      redis.resume();
      await until(() => isUp(one) && isUp(other), 'Redis to answer');
      expect((await login(one, place, user.password)).status).toBe(429);
    });
  });

  /** Sends this many at once. @returns the longest `Retry-After` of those that were refused, seconds */
  async function flood(count: number, post: () => Promise<Response>): Promise<number> {
    const responses = await Promise.all(Array.from({ length: count }, post));
    for (const { status } of responses) expect([200, 429]).toContain(status);
    return Math.max(0, ...responses.map(({ headers }) => Number(headers.get('retry-after'))));
  }
  const share = ({ service }: Instance): Promise<void> => service.app.get(RateSharing).share();

  /** One instance alone gives the next token within a second, so a longer wait comes from the common count. */
  async function expectCommonLimit(
    count: number,
    post: (instance: Instance) => Promise<Response>,
  ): Promise<void> {
    await Promise.all([one, other].map((each) => flood(count, () => post(each))));
    for (const instance of [one, other])
      // A burst at a time: fewer are below the share that each instance has for itself, on a slow machine.
      await until(async () => {
        await Promise.all([one, other].map((each) => flood(count, () => post(each))));
        await Promise.all([one, other].map(share));
        return (await flood(5, () => post(instance))) > 1;
      }, 'a refusal for what the other instance accepted');
  }

  const reportAs = (deviceToken: string, instance: Instance): Promise<Response> =>
    fetch(`${instance.url}/api/v1/positions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${deviceToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ positions: [FIX] }),
    });
  const reportAsBox = (boxCode: string, place: string, instance: Instance): Promise<Response> =>
    fetch(`${instance.url}${TRACKING}`, {
      method: 'POST',
      headers: { 'x-forwarded-for': place },
      body: new URLSearchParams({
        ambulance_id: boxCode,
        tracking_latitude: '13.7',
        tracking_longitude: '100.5',
      }),
    });

  it('a key that spends less than its rate on each of two instances has one rate', async () => {
    const members = [one, other].map(({ service: { app } }) => {
      const rates = new SharedRates(app.get(Clock));
      const rate = rates.add('steady', 4, 10);
      rates.startSharing();
      const sharing = new RateSharing(app.get(Redis), app.get(SharedLimits), rates, app.get(BackgroundJobs));
      return { rate, sharing };
    });
    let chargedMs = performance.now();
    await until(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const nowMs = performance.now();
      for (const { rate } of members)
        rate.charge('key', (0.6 * rate.perSecond * (nowMs - chargedMs)) / 1_000);
      chargedMs = nowMs;
      await Promise.all(members.map(({ sharing }) => sharing.share()));
      return members.every(({ rate }) => rate.charge('key', 0) < 0);
    }, 'what the two have spent together');
  });

  describe('a device', () => {
    const open: Socket[] = [];
    afterAll(() => open.forEach((socket) => socket.close()));

    it('that floods two instances over HTTP has one rate, and no other device is limited', async () => {
      const { deviceToken } = await newVehicle(one, token);
      await expectCommonLimit(EVENT_BURST, (instance) => reportAs(deviceToken, instance));
      const another = await newVehicle(one, token);
      expect(await flood(1, () => reportAs(another.deviceToken, other))).toBe(0);
    });

    it('that has used its rate on another instance is read more slowly here, and not closed', async () => {
      const { deviceToken } = await newVehicle(one, token);
      const socket = await connectSocket(one.socketUrl, '/devices', deviceToken);
      open.push(socket);
      const send = (count: number) =>
        Promise.all(Array.from({ length: count }, () => ask(socket, 'position', FIX)));
      const { transports } = one.service.app.get<
        TransportLimits,
        { transports: Map<string, GuardedTransport> }
      >(TransportLimits);
      const pauseMs = (): number => transports.get(socket.io.engine.id)?.pauseMs ?? 0;

      await flood(EVENT_BURST, () => reportAs(deviceToken, other));
      await send(0.2 * EVENT_BURST);
      // Less than half of its own burst in all, which alone pauses nothing.
      let rest = 0.2 * EVENT_BURST;
      await until(async () => {
        await Promise.all([share(one), share(other)]);
        if (rest > 0) await send(1);
        rest -= 1;
        return pauseMs() > 0;
      }, 'a pause of the connection');
      expect(socket.connected).toBe(true);
    });
  });

  /** A box that both instances have. */
  async function newSharedBox(): Promise<string> {
    const { boxCode } = await newBox(one);
    const isServed = async () => (await reportAsBox(boxCode, newPlace(), other)).status === 200;
    await until(isServed, 'the box on the other instance');
    return boxCode;
  }

  describe('a client with the code of an old box', () => {
    it('has one rate on two instances; the box at its own address is served', async () => {
      const [boxCode, place] = [await newSharedBox(), newPlace()];
      await expectCommonLimit(BOX_BURST, (instance) => reportAsBox(boxCode, place, instance));
      expect(await flood(1, () => reportAsBox(boxCode, newPlace(), other))).toBe(0);
    });
  });

  describe('while Redis does not answer', () => {
    it('every instance answers by its own limits; they are in common when it is back', async () => {
      const [boxCode, { deviceToken }] = [await newSharedBox(), await newVehicle(one, token)];
      const place = newPlace();
      redis.pause();
      for (const instance of [one, other]) {
        expect(await flood(1, () => reportAs(deviceToken, instance))).toBe(0);
        expect(await flood(2 * BOX_BURST, () => reportAsBox(boxCode, place, instance))).toBe(1);
      }
      redis.resume();
      await until(() => isUp(one) && isUp(other), 'Redis to answer');
      // The bursts of the first address are spent, and what is spent in an outage does not count.
      const after = newPlace();
      await expectCommonLimit(BOX_BURST, (instance) => reportAsBox(boxCode, after, instance));
    });
  });
});
