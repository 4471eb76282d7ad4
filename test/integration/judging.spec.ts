import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Clock, EventBus, type PositionResult } from '../../src/core/index.js';
import { Redis, RedisUnavailableError } from '../../src/cluster/index.js';
import { LatestPositions } from '../../src/tracking/index.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { RandomFixes, randomOf } from '../support/random-fixes.js';
import { hasTraces, positionsOf, TRACKS } from '../support/recorded-tracks.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

const LIMIT_S = 300;
/** A search for faults takes more rounds. */
const ROUNDS = Number(process.env['TEST_ROUNDS'] ?? 2);
const seed = Number(process.env['TEST_SEED'] ?? Date.now() % 1_000_000);
const random = randomOf(seed);
const startMs = Date.now();
const SHORT_TRACKS = [...TRACKS.keys()].filter((name) => (TRACKS.get(name) ?? 0) <= 300);

let redis: RedisServer;
let one: TestService;
let instances: readonly Instance[];
let token: string;
let elapsedMs = 0;
/** Vehicle id → events of its device clock at each instance. */
const clockEvents = new Map<string, number[]>();

/** A vehicle with the verdicts on what it sent. */
interface Sender {
  readonly vehicleId: string;
  readonly deviceToken: string;
}

async function send({ deviceToken }: Sender, instance: Instance, positions: readonly unknown[]) {
  const { status, body } = await call(instance, 'POST', '/api/v1/positions', {
    token: deviceToken,
    body: { positions },
  });
  expect(status).toBe(200);
  return body.results as readonly PositionResult[];
}
const newSender = (): Promise<Sender> => newVehicle(one, token);
const any = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
const nowMs = (): number => startMs + elapsedMs;

async function heldBy({ vehicleId }: Sender, instance: Instance = one) {
  const path = `/api/v1/quarantine?limit=200&vehicleId=${vehicleId}`;
  const { body } = await call(instance, 'GET', path, { token });
  return (body.items as { id: string; code: string; position: object }[])
    .map(({ id, code, position }) => ({ place: id.slice(24), code, position }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
}
async function historyOf({ vehicleId }: Sender, instance: Instance = one): Promise<unknown[]> {
  const all: unknown[] = [];
  let cursor = '';
  do {
    const path = `/api/v1/vehicles/${vehicleId}/positions?limit=500${cursor}`;
    const { body } = await call(instance, 'GET', path, { token });
    all.push(...body.items);
    cursor = body.nextCursor === null ? '' : `&cursor=${body.nextCursor}`;
  } while (cursor !== '');
  return all;
}
const lastPosition = async ({ vehicleId }: Sender, instance: Instance): Promise<unknown> =>
  (await call(instance, 'GET', `/api/v1/vehicles/${vehicleId}`, { token })).body.lastPosition;

/** Compares all that can be asked about two vehicles, on every instance. */
async function expectSame(sender: Sender, single: Sender): Promise<void> {
  expect(await historyOf(sender)).toEqual(await historyOf(single));
  expect(await heldBy(sender)).toEqual(await heldBy(single));
  const expected = JSON.stringify(await lastPosition(single, one));
  for (const [n, instance] of instances.entries())
    await until(
      async () => JSON.stringify(await lastPosition(sender, instance)) === expected,
      `seed ${seed}: instance ${n} to show ${expected}`,
    );
}

/** Reports the same positions for one vehicle to any instance and for the other to the first. */
async function step(sender: Sender, single: Sender, positions: readonly unknown[]): Promise<void> {
  const instance = any(instances);
  const [results, expected] = await Promise.all([
    send(sender, instance, positions),
    send(single, one, positions),
  ]);
  const what = { seed, instance: instances.indexOf(instance), positions };
  expect({ what, results }).toEqual({ what, results: expected });
  const events = clockEvents.get(sender.vehicleId);
  if (events) await until(() => new Set(events).size === 1, `seed ${seed}: the standstill on every instance`);
}

describeWithRedis('positions of one vehicle at several instances', () => {
  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({
      REDIS_URL: redis.url,
      POSITION_CLOCK_BEHIND_S: String(LIMIT_S),
      ACCESS_TOKEN_TTL_S: '86400',
    });
    instances = [one, await one.another(), await one.another()];
    for (const [n, { service }] of instances.entries()) {
      jest.spyOn(service.app.get(Clock), 'nowMs').mockImplementation(nowMs);
      service.app.get(EventBus).subscribe('device-clock.noted', ({ vehicleId }) => {
        const counts = clockEvents.get(vehicleId) ?? instances.map(() => 0);
        clockEvents.set(vehicleId, counts);
        counts[n] = (counts[n] ?? 0) + 1;
      });
    }
    token = await adminToken(one);
  });
  afterAll(async () => {
    for (const instance of instances.slice(1)) await instance.stop();
    await one.stop();
    await redis.stop();
  });

  describe('in turn get the verdicts of a single one', () => {
    it('for every kind of fix, in batches of 1 to 4, resent, released', async () => {
      const [sender, single] = [await newSender(), await newSender()];
      const fixes = new RandomFixes(random, nowMs);
      for (let n = 0; n < 40 * ROUNDS; n += 1) {
        elapsedMs += 1_000 + Math.floor(random() * 3_000);
        const batch = Array.from({ length: 1 + Math.floor(random() * 4) }, () =>
          random() < 0.1 ? fixes.again() : fixes.next(),
        );
        await step(sender, single, batch);
        if (random() < 0.05) await release(sender, single);
      }
      await expectSame(sender, single);
    });

    async function release(sender: Sender, single: Sender): Promise<void> {
      const held = await heldBy(single);
      if (held.length === 0) return;
      const { place } = any(held);
      for (const [{ vehicleId }, instance] of [
        [sender, any(instances)],
        [single, one],
      ] as const)
        await call(instance, 'POST', `/api/v1/quarantine/${vehicleId}${place}/release`, { token });
    }

    it('for a device clock that stands still, and for its mark on every instance', async () => {
      const [sender, single] = [await newSender(), await newSender()];
      const place = { lat: 48, lon: 11 };
      let marks = 0;
      for (let run = 0; run < 3 * ROUNDS; run += 1) {
        const stopped = { ...place, time: new Date(nowMs()).toISOString() };
        await step(sender, single, [stopped]);
        const minutes = 3 + Math.floor(random() * 6);
        for (let minute = 0; minute < minutes; minute += 1) {
          elapsedMs += any([20_000, 60_000, 60_000, 100_000]);
          await step(sender, single, [stopped]);
        }
        const isMarked = one.service.app.get(LatestPositions).clocksBehind.has(single.vehicleId);
        if (isMarked) marks += 1;
        await expectSame(sender, single);
        elapsedMs += any([1_000, 400_000]);
      }
      expect(marks).toBeGreaterThan(0);
    });

    (hasTraces ? it.each(SHORT_TRACKS) : it.skip.each(['none']))(
      'for the recorded track %s',
      async (name) => {
        const [sender, single] = [await newSender(), await newSender()];
        const positions = await positionsOf(name);
        for (let start = 0; start < positions.length;) {
          const end = start + 1 + Math.floor(random() * 20);
          await step(sender, single, positions.slice(start, end));
          start = end;
        }
        await expectSame(sender, single);
      },
    );
  });

  describe('at the same moment give the outcome of one order', () => {
    /** Fixes along a road, 10 m apart each second. */
    const road = (fromS: number, count: number, metresEast = 0) =>
      Array.from({ length: count }, (_, n) => ({
        lat: Number((48 + (fromS + n) * 9e-5).toFixed(7)),
        lon: Number((11 + metresEast * 1.3e-5).toFixed(7)),
        time: new Date(startMs - 3_600_000 + (fromS + n) * 1_000).toISOString(),
      }));
    const outcome = async (sender: Sender): Promise<string> =>
      JSON.stringify([await historyOf(sender), await heldBy(sender)]);

    /** @returns whether the outcome is that of one of the two orders */
    async function isOfOneOrder(before: unknown[], first: unknown[], second: unknown[]): Promise<boolean> {
      const [sender, forward, backward] = [await newSender(), await newSender(), await newSender()];
      for (const each of [sender, forward, backward]) if (before.length > 0) await send(each, one, before);
      const answers = await Promise.all([
        send(sender, instances[1] as Instance, first),
        send(sender, instances[2] as Instance, second),
      ]);
      await send(forward, one, first);
      await send(forward, one, second);
      await send(backward, one, second);
      await send(backward, one, first);
      await expectKept(sender, [...first, ...second], answers.flat());
      return [await outcome(forward), await outcome(backward)].includes(await outcome(sender));
    }

    /** Every position is in the history or in quarantine, by its verdict. */
    async function expectKept(sender: Sender, sent: unknown[], results: PositionResult[]): Promise<void> {
      const idOf = ({ lat, lon, time }: { lat: number; lon: number; time: string }) =>
        `${lat} ${lon} ${time}`;
      const history = ((await historyOf(sender)) as never[]).map(idOf);
      const held = (await heldBy(sender)).map(({ position }) => idOf(position as never));
      expect(new Set(history).size).toBe(history.length);
      for (const [n, { verdict }] of results.entries()) {
        const id = idOf(sent[n] as never);
        const kept = verdict === 'quarantined' ? [...held, ...history] : history;
        if (!kept.includes(id)) throw new Error(`seed ${seed}: ${id} is ${verdict} and not kept`);
      }
    }

    it.each([
      ['the same batch', () => [road(0, 20), road(0, 20)]],
      ['one part of a track each', () => [road(0, 20), road(20, 20)]],
      ['every other fix', () => [0, 1].map((odd) => road(0, 40).filter((_, n) => n % 2 === odd))],
      ['parts that overlap', () => [road(0, 20), road(10, 20)]],
      ['other places at the same times', () => [road(0, 20), road(0, 20, 50)]],
      ['a late part and a new part', () => [road(-60, 20), road(100, 20)]],
    ])('with %s', async (_what, make) => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const [first = [], second = []] = make();
        const isSerial = await isOfOneOrder(road(-10, 1), first, second);
        expect({ seed, round, isSerial }).toEqual({ seed, round, isSerial: true });
      }
    });

    it('with two devices far apart on one vehicle lose nothing, and the next fix is judged from all', async () => {
      const sender = await newSender();
      const [here, there] = [road(0, 10), road(0, 10).map((each) => ({ ...each, lat: each.lat + 1 }))];
      const positions = [here.filter((_, n) => n % 2 === 0), there.filter((_, n) => n % 2 === 1)] as const;
      const results = await Promise.all([
        send(sender, instances[1] as Instance, positions[0]),
        send(sender, instances[2] as Instance, positions[1]),
      ]);
      await expectKept(sender, positions.flat(), results.flat());
      const newest = (await historyOf(sender)).at(-1) as { lat: number };
      const far = { ...road(10, 1)[0], lat: newest.lat > 48.5 ? 48 : 49 };
      expect(await send(sender, any(instances), [far])).toMatchObject([
        { verdict: 'quarantined', code: 'jump' },
      ]);
    });
  });

  describe('from memory are judged as from storage', () => {
    const restored: (() => Promise<void> | void)[] = [];
    afterEach(async () => {
      for (const restore of restored.splice(0)) await restore();
    });
    const fix = (second: number) => ({
      lat: 48,
      lon: 11,
      time: new Date(startMs - 3_600_000 + second * 1_000).toISOString(),
    });
    const isLate = async (sender: Sender, instance: Instance, second: number): Promise<unknown> =>
      (await send(sender, instance, [fix(second)])).map(({ verdict, late = false }) => ({ verdict, late }));
    const LATE = [{ verdict: 'stored', late: true }];

    /** Resolves when the instance judges a further position of the vehicle without a read. @returns its second */
    async function untilInMemory(sender: Sender, instance: Instance, fromSecond: number): Promise<number> {
      const reads = jest.spyOn(instance.service.app.get(PositionsRepository), 'findNewest');
      let second = fromSecond;
      await until(async () => {
        const before = reads.mock.calls.length;
        await send(sender, instance, [fix((second += 1))]);
        return reads.mock.calls.length === before;
      }, `seed ${seed}: a report without a read`);
      reads.mockRestore();
      return second;
    }

    it('when another instance has written since', async () => {
      const sender = await newSender();
      const [a, b] = instances as [Instance, Instance];
      const second = await untilInMemory(sender, a, 0);
      await send(sender, b, [fix(second + 100)]);
      expect(await isLate(sender, a, second + 50)).toEqual(LATE);
      expect(await isLate(sender, b, second + 60)).toEqual(LATE);
    });

    it('when another instance claims the vehicle between the claim and the commit', async () => {
      const sender = await newSender();
      const [a, b] = instances as [Instance, Instance];
      const second = await untilInMemory(sender, a, 0);
      let commit: () => void = () => undefined;
      const isHeld = new Promise<void>((resolve) => (commit = resolve));
      const positions = a.service.app.get(PositionsRepository);
      const insert = positions.insert.bind(positions);
      const inserts = jest.spyOn(positions, 'insert').mockImplementationOnce(async (recorded) => {
        await isHeld;
        return insert(recorded);
      });
      restored.push(() => inserts.mockRestore());
      const atA = send(sender, a, [fix(second + 100)]);
      await until(() => inserts.mock.calls.length === 1, 'the commit');
      await send(sender, b, [fix(second + 50)]);
      commit();
      await atA;
      expect(await isLate(sender, b, second + 60)).toEqual(LATE);
      expect(await isLate(sender, a, second + 70)).toEqual(LATE);
    });

    it('when Redis has lost the claims', async () => {
      const sender = await newSender();
      const [a, b] = instances as [Instance, Instance];
      const second = await untilInMemory(sender, a, 0);
      await send(sender, b, [fix(second + 100)]);
      redis.command('flushall');
      expect(await isLate(sender, a, second + 50)).toEqual(LATE);
    });

    it('when another instance writes without Redis', async () => {
      const sender = await newSender();
      const [a, b] = instances as [Instance, Instance];
      const second = await untilInMemory(sender, a, 0);
      const run = jest
        .spyOn(b.service.app.get(Redis), 'run')
        .mockRejectedValue(new RedisUnavailableError('cut off'));
      restored.push(() => run.mockRestore());
      await send(sender, b, [fix(second + 100)]);
      expect(await isLate(sender, a, second + 50)).toEqual(LATE);
      run.mockRestore();
      await untilInMemory(sender, a, second + 200);
    });

    it('when an instance without Redis has just started', async () => {
      const sender = await newSender();
      const [a] = instances as [Instance];
      const second = await untilInMemory(sender, a, 0);
      const without = await one.another({ REDIS_URL: '' });
      restored.push(() => without.stop());
      await send(sender, without, [fix(second + 100)]);
      expect(await isLate(sender, a, second + 50)).toEqual(LATE);
      expect(await isLate(sender, without, second + 60)).toEqual(LATE);
    });

    it('when an operator has released a position at another instance', async () => {
      const sender = await newSender();
      const [a, b] = instances as [Instance, Instance];
      const second = await untilInMemory(sender, a, 0);
      const far = { ...fix(second + 100), lat: 50 };
      expect(await send(sender, a, [far])).toMatchObject([{ verdict: 'quarantined', code: 'jump' }]);
      await untilInMemory(sender, a, second + 1);
      const [held] = await heldBy(sender);
      const path = `/api/v1/quarantine/${sender.vehicleId}${held?.place}/release`;
      expect((await call(b, 'POST', path, { token })).status).toBe(200);
      expect(await isLate(sender, a, second + 90)).toEqual(LATE);
    });
  });
});
