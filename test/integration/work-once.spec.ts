import { afterAll, afterEach, beforeAll, beforeEach, expect, it, jest } from '@jest/globals';
import type { mongo } from 'mongoose';
import { EventStream } from '../../src/cluster/index.js';
import { EventBus, type HeldLock, type Position } from '../../src/core/index.js';
import { CrewEventsRepository } from '../../src/crew-events/crew-events.repository.js';
import { LocksService, storageUnavailable } from '../../src/database/index.js';
import { CrashCollectionRepository } from '../../src/legacy/shared-collections/crash-collection.repository.js';
import { TrackingCollectionsRepository } from '../../src/legacy/shared-collections/tracking-collections.repository.js';
import { PositionLogService } from '../../src/tracking/index.js';
import { InDoubtWrites } from '../../src/tracking/ingest/in-doubt-writes.js';
import { PositionsRepository } from '../../src/tracking/positions.repository.js';
import { limitJobIntervals } from '../support/background-jobs.js';
import { recordCrash } from '../support/crashes.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { until } from '../support/sockets.js';
import { type Instance, startTestService, type TestService } from '../support/test-service.js';

limitJobIntervals(2_000);
const POSITION_CATCH_UP = 'mirror-trackings';
interface Lease {
  readonly _id: string;
  readonly epoch: number;
}
const startMs = Date.now() - 600_000;
const fix = (second: number, kmh: number) => ({
  lat: 48 + second * 1e-4,
  lon: 11,
  time: new Date(startMs + second * 1_000).toISOString(),
  speedMps: kmh / 3.6,
});

describeWithRedis('work of several instances', () => {
  let redis: RedisServer;
  let one: TestService;
  let other: Instance;
  let old: OldDatabase;
  let admin: string;
  let vehicleId: string;
  let deviceToken: string;
  beforeAll(async () => {
    redis = await RedisServer.start();
    one = await startTestService({ REDIS_URL: redis.url, LEGACY_COLLECTIONS: 'write' });
    other = await one.another();
    admin = await adminToken(one);
    old = await OldDatabase.open(one.database.url);
    const areReading = () =>
      [one, other].every(({ service }) => {
        const stream = service.app.get(EventStream);
        return stream.state === 'complete' && stream.memberIds.size === 1;
      });
    await until(areReading, 'both to read the stream');
  });
  afterAll(async () => {
    await old.close();
    await other.stop();
    await one.stop();
    await redis.stop();
  });
  beforeEach(async () => {
    ({ vehicleId, deviceToken } = await newVehicle(one, admin));
    await old
      .collection('ambulances')
      .insertOne({ _id: OldDatabase.id(vehicleId), ambulance_box_code: vehicleId });
  });
  const restored: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const restore of restored.splice(0)) await restore();
  });

  const report = (instance: Instance, ...positions: unknown[]) =>
    call(instance, 'POST', '/api/v1/positions', { token: deviceToken, body: { positions } });
  const both = <T>(read: (instance: Instance) => T): T[] => [one, other].map(read);

  /** Keeps the catch-up of a mirror from every instance until the end of the test, or until the returned call. */
  async function holdCatchUp(name: string): Promise<() => Promise<void>> {
    const locks = one.service.app.get(LocksService);
    let held: HeldLock | null = null;
    await until(async () => {
      ({ lock: held } = await locks.acquire({ name, leaseMs: 2_000 }));
      return held !== null;
    }, 'the lock of the catch-up');
    const release = async (): Promise<void> => held?.release();
    restored.push(release);
    return release;
  }
  const leases = (): mongo.Collection<Lease> =>
    old.collection('leases') as unknown as mongo.Collection<Lease>;
  const histories = () =>
    old.all('ambulance_tracking_histories', { ambulance_id: OldDatabase.id(vehicleId) });

  it('each old document is written by the instance that has stored the position or crash', async () => {
    await holdCatchUp(POSITION_CATCH_UP);
    await holdCatchUp('mirror-crashes');
    const positions = both(({ service }) =>
      jest.spyOn(service.app.get(TrackingCollectionsRepository), 'write'),
    );
    const crashes = both(({ service }) => jest.spyOn(service.app.get(CrashCollectionRepository), 'upsert'));
    const received = both(({ service }) => {
      const times: number[] = [];
      const take = (recorded: readonly { position: Position }[]) =>
        times.push(...recorded.map(({ position }) => position.timeMs));
      restored.push(
        service.app.get(EventBus).subscribe('position.recorded', (recorded) => void take(recorded)),
      );
      return times;
    });
    for (let second = 0; second < 20; second += 1)
      await report(second % 2 === 0 ? one : other, fix(second, 40));
    const crash = { vehicleId, reportedAt: new Date(), lat: 48, lon: 11, speedMps: null, headingDeg: null };
    await recordCrash(other, crash);
    await until(async () => (await histories()).length === 20, 'the histories');
    await until(() => received.every((times) => times.length === 20), 'the positions on both instances');
    await until(
      async () =>
        (await old.all('ambulance_crashes', { ambulance_id: OldDatabase.id(vehicleId) })).length === 1,
      'the crash',
    );
    // Longer than items wait for others to share a write.
    await new Promise((resolve) => setTimeout(resolve, 600));
    const given = positions.map((spy) =>
      spy.mock.calls.flatMap(([entries]) =>
        entries.map(({ position }) => (position.timeMs - startMs) / 1_000),
      ),
    );
    const even = Array.from({ length: 10 }, (_, n) => 2 * n);
    expect(given).toEqual([even, even.map((second) => second + 1)]);
    // The writer writes a crash at once, for panels, and offers it to the mirror too.
    const crashCounts = crashes.map(
      (spy) => new Set(spy.mock.calls.flatMap(([entries]) => entries.map((each) => each.crash.id))).size,
    );
    expect(crashCounts).toEqual([0, 1]);
  });

  it('one instance catches up for all, and writes what a killed instance has left', async () => {
    const release = await holdCatchUp(POSITION_CATCH_UP);
    // As if the instance was killed before it wrote the item: the item is stored and was offered to no mirror.
    const collections = one.service.app.get(TrackingCollectionsRepository);
    jest.spyOn(collections, 'write').mockResolvedValueOnce(0);
    await report(one, fix(0, 40));
    const reads = both(({ service }) => jest.spyOn(service.app.get(PositionLogService), 'since'));
    const isCatchUp = ([, pageSize]: readonly unknown[]): boolean => pageSize === 1_000;
    const count = () => reads.flatMap((spy) => spy.mock.calls.filter(isCatchUp)).length;
    const epoch = async () => (await leases().findOne({ _id: POSITION_CATCH_UP }))?.epoch ?? NaN;
    const epochBefore = await epoch();
    await until(
      async () => (await old.all('positions', { vehicleId: OldDatabase.id(vehicleId) })).length === 1,
      'the position',
    );
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(await histories()).toEqual([]);
    await release();
    await until(async () => (await histories()).length === 1, 'the catch-up');
    // Each run has an epoch of its own.
    await until(async () => (await epoch()) - epochBefore === count(), 'one catch-up for each epoch');
    expect(count()).toBeGreaterThan(0);
  });

  it('each crew event is published once on each instance, by the leader and not by a poll', async () => {
    const seen = both(({ service }) => {
      const ids: string[] = [];
      const take = (id: string, of: string) => of === vehicleId && ids.push(id);
      restored.push(
        service.app
          .get(EventBus)
          .subscribe('crew-event.recorded', ({ event }) => void take(event.id, event.vehicleId)),
      );
      return ids;
    });
    const polls = both(({ service }) => jest.spyOn(service.app.get(CrewEventsRepository), 'listSince'));
    for (const [second, kmh] of [200, 200, 0, 0, 0].entries()) await report(one, fix(second, kmh));
    await until(() => seen.every((ids) => ids.length === 4), 'the episode on both instances');
    // A poll of each instance has read the events since.
    for (const poll of polls) poll.mockClear();
    await until(() => polls.every((poll) => poll.mock.calls.length > 0), 'a poll of each instance');
    await Promise.all(polls.flatMap((poll) => poll.mock.results.map(({ value }) => value)));
    const stored = await old.all('crew_events', { vehicleId: OldDatabase.id(vehicleId) });
    expect(seen.map((ids) => [...ids].sort())).toEqual(
      both(() => stored.map(({ _id }) => String(_id)).sort()),
    );
  });

  it('a crew event that the stream has lost is found in storage, once', async () => {
    const seen = both(({ service }) => {
      const ids: string[] = [];
      restored.push(
        service.app.get(EventBus).subscribe('crew-event.recorded', ({ event }) => {
          if (event.vehicleId === vehicleId) ids.push(event.id);
        }),
      );
      return ids;
    });
    redis.command('ACL', 'SETUSER', 'default', '-xadd');
    restored.push(() => void redis.command('ACL', 'SETUSER', 'default', '+xadd'));
    for (const [second, kmh] of [200, 200, 0, 0, 0].entries()) await report(one, fix(second, kmh));
    await until(() => seen.every((ids) => ids.length === 4), 'the episode on both instances');
    redis.command('ACL', 'SETUSER', 'default', '+xadd');
    await until(() =>
      both(({ service }) => service.app.get(EventStream).state).every((s) => s === 'complete'),
    );
    expect(seen.map((ids) => new Set(ids).size)).toEqual([4, 4]);
    expect(seen.map((ids) => ids.length)).toEqual([4, 4]);
  });

  it('a position that one could not confirm and the other has stored is published once', async () => {
    const seen = both(({ service }) => {
      const times: number[] = [];
      restored.push(
        service.app.get(EventBus).subscribe('position.recorded', (recorded) => {
          for (const { position } of recorded)
            if (position.vehicleId === vehicleId) times.push(position.timeMs);
        }),
      );
      return times;
    });
    // `StorageFollower` would publish it again while an instance is silent for a moment.
    jest.spyOn(EventStream.prototype, 'silentIds', 'get').mockReturnValue([]);
    const repository = one.service.app.get(PositionsRepository);
    jest.spyOn(repository, 'insert').mockRejectedValueOnce(storageUnavailable());
    expect((await report(one, fix(0, 40))).status).toBe(503);
    expect((await report(other, fix(0, 40))).body).toMatchObject({ stored: 1 });
    await until(() => one.service.app.get(InDoubtWrites).oldestMs === null, 'the end of the doubt');
    // The next one arrives behind the first on each instance.
    await report(one, fix(1, 40));
    await until(() => seen.every((times) => times.length >= 2), 'both positions');
    expect(seen).toEqual(both(() => [fix(0, 0), fix(1, 0)].map(({ time }) => Date.parse(time))));
  });
});
