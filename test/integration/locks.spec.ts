import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Connection, createConnection, type mongo } from 'mongoose';
import { BackgroundJobs, type HeldLock } from '../../src/core/index.js';
import {
  LockLostError,
  LocksService,
  readDatabaseTime,
  SchemaStateRepository,
} from '../../src/database/index.js';
import { LockRepository } from '../../src/database/lock.repository.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startTestService } from '../support/test-service.js';

interface LeaseDocument {
  readonly _id: string;
  readonly owner: string | null;
  readonly epoch: number;
  readonly lockedUntil: Date;
  readonly unbrokenSince: Date;
  readonly completedAt?: Date;
}

const NAME = 'night-work';
const LEASE_MS = 10_000;
const OPTIONS = { name: NAME, leaseMs: LEASE_MS, maxGapMs: 5_000 };

let database: TestDatabase;
let connection: Connection;
let locks: HeldLock[];
beforeEach(async () => {
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
  locks = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const lock of locks) await lock.release();
  await connection.close();
  await database.stop();
});

function collection<T extends { readonly _id: string }>(name: string): mongo.Collection<T> {
  if (!connection.db) throw new Error('not connected');
  return connection.db.collection<T>(name);
}
const leases = (): mongo.Collection<LeaseDocument> => collection<LeaseDocument>('leases');
const find = (): Promise<LeaseDocument | null> => leases().findOne({ _id: NAME });

async function acquire(service: LocksService, options = OPTIONS): Promise<HeldLock> {
  const lock = await tryAcquire(service, options);
  if (!lock) throw new Error('another holds the lock');
  locks.push(lock);
  return lock;
}

const tryAcquire = async (service: LocksService, options = OPTIONS): Promise<HeldLock | null> =>
  (await service.acquire(options)).lock;

async function inMs(ms: number): Promise<Date> {
  return new Date((await readDatabaseTime(connection)).getTime() + ms);
}

function lossOf(lock: HeldLock): unknown {
  try {
    lock.assertHeld();
  } catch (error) {
    return error;
  }
  return null;
}

const whenLost = (lock: HeldLock): Promise<void> =>
  new Promise((resolve) => {
    if (lock.signal.aborted) resolve();
    else lock.signal.addEventListener('abort', () => resolve());
  });

describe('a lock by name', () => {
  it('has one holder; the next one gets a higher epoch', async () => {
    const [one, other] = [new LocksService(connection), new LocksService(connection)];
    const first = await acquire(one);
    expect(first.epoch).toBe(1);
    expect(await tryAcquire(other)).toBeNull();
    expect(await tryAcquire(one)).toBeNull();
    await first.release();
    const second = await acquire(other);
    expect(second.epoch).toBe(2);
    expect(second.owner).not.toBe(first.owner);
    expect(second.owner).toMatch(/^.+:\d+:[0-9a-f]{12}$/);
  });

  it('goes to exactly one of ten that ask at the same moment', async () => {
    const asked = Array.from({ length: 10 }, () => tryAcquire(new LocksService(connection)));
    const held = (await Promise.all(asked)).filter((lock) => lock !== null);
    locks.push(...held);
    expect(held).toHaveLength(1);
    expect(await find()).toMatchObject({ owner: held[0]?.owner, epoch: 1 });
  });

  it('does not block another name', async () => {
    const service = new LocksService(connection);
    await acquire(service);
    await acquire(service, { ...OPTIONS, name: 'other-work' });
  });

  it('is taken over when the lease of a holder that ended is over', async () => {
    const unbrokenSince = await inMs(-60_000);
    const crashed = { _id: NAME, owner: 'crashed', epoch: 7, lockedUntil: await inMs(300), unbrokenSince };
    await leases().insertOne(crashed);
    const service = new LocksService(connection);
    expect(await tryAcquire(service)).toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const { epoch, heldSince } = await acquire(service);
    expect([epoch, heldSince]).toEqual([8, unbrokenSince]);
  });

  it('counts the time held from the takeover when the gap was too long', async () => {
    const lockedUntil = await inMs(-OPTIONS.maxGapMs - 1_000);
    await leases().insertOne({
      _id: NAME,
      owner: null,
      epoch: 7,
      lockedUntil,
      unbrokenSince: await inMs(-60_000),
    });
    const before = await readDatabaseTime(connection);
    const { heldSince } = await acquire(new LocksService(connection));
    expect(heldSince.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect((await find())?.unbrokenSince).toEqual(heldSince);
  });

  it('keeps the time held over a release and a new start within the gap', async () => {
    const first = await acquire(new LocksService(connection));
    await first.release();
    expect((await acquire(new LocksService(connection))).heldSince).toEqual(first.heldSince);
  });

  it('is renewed while it is held', async () => {
    const lock = await acquire(new LocksService(connection), { ...OPTIONS, leaseMs: 600 });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(lossOf(lock)).toBeNull();
    expect(await tryAcquire(new LocksService(connection))).toBeNull();
  });

  it('is lost when a renewal is refused, and the document stays with the next holder', async () => {
    const lock = await acquire(new LocksService(connection), { ...OPTIONS, leaseMs: 1_200 });
    const next = { owner: 'next', epoch: 2, lockedUntil: await inMs(60_000) };
    await leases().updateOne({ _id: NAME }, { $set: next });
    await whenLost(lock);
    expect(lossOf(lock)).toBeInstanceOf(LockLostError);
    // At the renewal, not at the end of the lease.
    expect(String(lossOf(lock))).toContain('another has taken over');
    await lock.release();
    expect(await find()).toMatchObject(next);
  });

  it('survives a renewal that fails in an outage, and is lost when none succeeds within the lease', async () => {
    const renew = jest.spyOn(LockRepository.prototype, 'renew').mockRejectedValueOnce(new Error('outage'));
    const lock = await acquire(new LocksService(connection), { ...OPTIONS, leaseMs: 900 });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(lossOf(lock)).toBeNull();
    renew.mockRejectedValue(new Error('outage'));
    await whenLost(lock);
    expect(String(lossOf(lock))).toContain('not renewed in time');
  });

  it('is lost when the process was suspended past the lease, before the timer runs', async () => {
    const lock = await acquire(new LocksService(connection), { ...OPTIONS, leaseMs: 500 });
    const endMs = performance.now() + 600;
    while (performance.now() < endMs);
    expect(lock.signal.aborted).toBe(false);
    expect(lossOf(lock)).toBeInstanceOf(LockLostError);
  });
});

describe('the end of the last complete work', () => {
  const PAUSE_MS = 60_000;
  const acquireDue = () => new LocksService(connection).acquire({ ...OPTIONS, minPauseMs: PAUSE_MS });
  const endOf = async (lock: HeldLock, isComplete: boolean): Promise<void> => {
    await lock.release(isComplete);
    locks = locks.filter((each) => each !== lock);
  };

  it('keeps the lock from all instances until the pause is over, by the clock of the database', async () => {
    await endOf(await acquire(new LocksService(connection)), true);
    const completedAt = (await leases().findOne({ _id: NAME }))?.completedAt;
    const refused = await acquireDue();
    expect([refused.lock, refused.completedAt]).toEqual([null, completedAt]);
    expect(refused.retryInMs).toBeGreaterThan(0);
    expect(refused.retryInMs).toBeLessThanOrEqual(PAUSE_MS);
    // Without a pause the lock is free.
    await endOf(await acquire(new LocksService(connection)), false);
    expect((await acquireDue()).lock).toBeNull();
    await leases().updateOne({ _id: NAME }, { $set: { completedAt: await inMs(-PAUSE_MS) } });
    const { lock } = await acquireDue();
    if (lock) locks.push(lock);
    expect(lock).not.toBeNull();
  });

  it('is not written when the holder was killed: the next one gets the lock at the end of the lease', async () => {
    const crashed = { _id: NAME, owner: 'crashed', epoch: 7, lockedUntil: await inMs(300) };
    await leases().insertOne({
      ...crashed,
      unbrokenSince: await inMs(-500),
      completedAt: await inMs(-PAUSE_MS),
    });
    const refused = await acquireDue();
    expect(refused.lock).toBeNull();
    expect(refused.retryInMs).toBeLessThanOrEqual(300);
    await new Promise((resolve) => setTimeout(resolve, refused.retryInMs));
    const { lock } = await acquireDue();
    if (lock) locks.push(lock);
    expect(lock?.epoch).toBe(8);
  });

  it('in the future does not keep the lock longer than the pause', async () => {
    await endOf(await acquire(new LocksService(connection)), true);
    await leases().updateOne({ _id: NAME }, { $set: { completedAt: await inMs(86_400_000) } });
    expect((await acquireDue()).retryInMs).toBe(PAUSE_MS);
  });
});

describe('the locks of the service', () => {
  it('are used by background jobs: one instance at a time runs a job', async () => {
    const one = await startTestService({}, database);
    const other = await startTestService({}, database);
    try {
      const epochs: number[] = [];
      let running = 0;
      let mostRunning = 0;
      for (const { service } of [one, other])
        service.app.get(BackgroundJobs).start({
          name: NAME,
          intervalMs: 10,
          runsAtStart: true,
          lock: { name: NAME, leaseMs: 5_000 },
          run: async (_signal, lock) => {
            running += 1;
            mostRunning = Math.max(mostRunning, running);
            await new Promise((resolve) => setTimeout(resolve, 20));
            epochs.push(lock?.epoch ?? 0);
            running -= 1;
          },
        });
      await until(() => epochs.length >= 10, 'ten runs');
      expect(mostRunning).toBe(1);
      const increasing = [...new Set(epochs)].sort((a, b) => a - b);
      expect(epochs).toEqual(increasing);
    } finally {
      await other.stop();
      await one.stop();
    }
  });

  it('let a periodic job run once in its interval, on any instance, and at the end of the lease of a killed one', async () => {
    const one = await startTestService({}, database);
    const other = await startTestService({}, database);
    const setBack = async (change: object): Promise<void> => {
      await leases().updateOne({ _id: NAME }, { $set: { completedAt: new Date(0), ...change } });
    };
    try {
      let runs = 0;
      const jobs = [one, other].map(({ service }) =>
        service.app.get(BackgroundJobs).start({
          name: NAME,
          intervalMs: 3_600_000,
          lock: { name: NAME, leaseMs: 500 },
          run: async () => void (runs += 1),
        }),
      );
      await until(() => jobs.every(({ completedAtMs }) => completedAtMs !== null), 'both to see the run');
      expect(runs).toBe(1);
      // An instance that was killed in its run.
      await Promise.all(jobs.map((job) => job.stop()));
      await setBack({ owner: 'killed', lockedUntil: await inMs(500) });
      for (const { service } of [one, other])
        service.app.get(BackgroundJobs).start({
          name: `${NAME}-again`,
          intervalMs: 3_600_000,
          lock: { name: NAME, leaseMs: 500 },
          run: async () => void (runs += 1),
        });
      await until(() => runs === 2, 'the run of another instance');
      const { epoch } = (await find()) ?? {};
      expect(epoch).toBe(2);
    } finally {
      await other.stop();
      await one.stop();
    }
  });
});

/** The documents as releases up to 2.0 wrote them: such a release runs beside this one in a rollout. */
describe('an earlier release and this one exclude each other', () => {
  it('by the document in leases', async () => {
    const unbrokenSince = await inMs(-60_000);
    const held = { owner: 'old:1:abc', epoch: 3, lockedUntil: await inMs(60_000), unbrokenSince };
    await leases().insertOne({ _id: NAME, ...held });
    expect(await tryAcquire(new LocksService(connection))).toBeNull();
    // The release of the old code.
    const freed = { owner: null, lockedUntil: await readDatabaseTime(connection) };
    await leases().updateOne({ _id: NAME, owner: 'old:1:abc', epoch: 3 }, { $set: freed });
    const lock = await acquire(new LocksService(connection));
    expect([lock.epoch, lock.heldSince]).toEqual([4, unbrokenSince]);
    // The acquisition of the old code: refused by the lease.
    const now = await readDatabaseTime(connection);
    const asSeen = { _id: NAME, epoch: lock.epoch, lockedUntil: { $lte: now } };
    const taken = {
      owner: 'old:2:def',
      epoch: lock.epoch + 1,
      lockedUntil: await inMs(60_000),
      unbrokenSince,
    };
    expect((await leases().updateOne(asSeen, { $set: taken })).matchedCount).toBe(0);
    expect(Object.keys((await find()) ?? {})).toEqual([
      '_id',
      'owner',
      'epoch',
      'lockedUntil',
      'unbrokenSince',
    ]);
    const before = await readDatabaseTime(connection);
    await lock.release();
    const document = await find();
    expect(document).toMatchObject({ owner: null, epoch: 4, unbrokenSince });
    // The gap to the next holder counts from the release.
    expect(document?.lockedUntil.getTime()).toBeGreaterThanOrEqual(before.getTime());
    const later = { ...asSeen, lockedUntil: { $lte: await readDatabaseTime(connection) } };
    expect((await leases().updateOne(later, { $set: taken })).matchedCount).toBe(1);
    expect(await tryAcquire(new LocksService(connection))).toBeNull();
  });

  it('by the document in schema_state', async () => {
    const states = collection<LeaseDocument & { contractingTo: number | null }>('schema_state');
    const repository = new SchemaStateRepository(connection);
    const old = { owner: 'old:1:abc', epoch: 3, lockedUntil: await inMs(60_000) };
    const rest = { version: 4, steps: [], failed: null, contractingTo: 5 };
    await collection<{ _id: string }>('schema_state').insertOne({ _id: 'schema', ...old, ...rest });
    expect(await repository.acquire('new', LEASE_MS)).toBeNull();
    // The release of the old code.
    const freed = { owner: null, lockedUntil: new Date(0) };
    await states.updateOne({ _id: 'schema', owner: 'old:1:abc', epoch: 3 }, { $set: freed });
    const acquired = await repository.acquire('new', LEASE_MS);
    // The announcement that no step began is withdrawn.
    expect(acquired?.document).toMatchObject({ owner: 'new', epoch: 4, version: 4, contractingTo: null });
    // The acquisition of the old code: refused by the lease.
    const now = await readDatabaseTime(connection);
    const asSeen = { _id: 'schema', epoch: 4, lockedUntil: { $lte: now } };
    const taken = { $set: { owner: 'old:2:def', epoch: 5, lockedUntil: await inMs(60_000) } };
    expect(await states.findOneAndUpdate(asSeen, taken)).toBeNull();
    await repository.release({ owner: 'new', epoch: 4 });
    expect(await repository.find()).toMatchObject({ owner: null, epoch: 4, lockedUntil: new Date(0) });
    expect(await states.findOneAndUpdate(asSeen, taken)).not.toBeNull();
    expect(await repository.renew({ owner: 'new', epoch: 4 }, LEASE_MS)).toBe(false);
    expect(await repository.update({ owner: 'new', epoch: 4 }, () => ({ version: 9 }))).toBe(false);
    expect(await repository.find()).toMatchObject({ owner: 'old:2:def', epoch: 5, version: 4 });
  });
});
