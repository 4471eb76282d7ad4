import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection } from 'mongoose';
import {
  SchemaLockBusyError,
  SchemaLockLostError,
  SchemaMigrator,
  type SchemaState,
  SchemaStateRepository,
  type SchemaStep,
  SchemaStepFailedError,
  readDatabaseTime,
  storageUnavailable,
} from '../../src/database/index.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let connection: Connection;
let repository: SchemaStateRepository;
beforeEach(async () => {
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
  repository = new SchemaStateRepository(connection);
});
afterEach(async () => {
  await connection.close();
  await database.stop();
});

const never = new AbortController().signal;
const RUN = { signal: never, retryFailed: false, waitMs: 0 };
const step = (
  version: number,
  up: SchemaStep['up'] = async () => undefined,
  kind: SchemaStep['kind'] = 'expand',
) => ({
  version,
  name: 'made-up',
  kind,
  up,
});

let owners = 0;
function migrations(steps: readonly SchemaStep[], lockMs?: number): SchemaMigrator {
  owners += 1;
  return new SchemaMigrator({
    repository,
    steps,
    owner: `owner ${owners}`,
    lockMs,
    openConnection: async () => {
      const own = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
      if (!own.db) throw storageUnavailable();
      return { db: own.db, close: () => own.close(true) };
    },
  });
}

/** Writes what another process writes when it takes over. */
async function takeOver(): Promise<void> {
  const change = { $inc: { epoch: 1 }, $set: { owner: 'another' } };
  await connection.db
    ?.collection<SchemaState & { _id: string }>('schema_state')
    .updateOne({ _id: 'schema' }, change);
}

function deferred(): { promise: Promise<void>; settle: () => void } {
  let settle = (): void => undefined;
  const promise = new Promise<void>((resolve) => (settle = resolve));
  return { promise, settle };
}

describe('readDatabaseTime', () => {
  it('is the database’s clock', async () => {
    const time = await readDatabaseTime(connection);
    expect(time).toBeInstanceOf(Date);
    // A real server may run on another machine.
    expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('throws before the first connection', async () => {
    await expect(readDatabaseTime(createConnection())).rejects.toMatchObject({ code: 'storage/unavailable' });
  });
});

describe('up', () => {
  it('runs each pending step once, in order, and records owner and times', async () => {
    const ran: number[] = [];
    const steps = [1, 2].map((version) => step(version, async () => void ran.push(version)));
    const before = await readDatabaseTime(connection);
    await migrations(steps).up(RUN);
    await migrations(steps).up(RUN);
    expect(ran).toEqual([1, 2]);
    const state = await repository.find();
    expect(state).toMatchObject({
      version: 2,
      epoch: 1,
      owner: null,
      lockedUntil: new Date(0),
      failed: null,
    });
    const [first, second] = state.steps;
    for (const record of [first, second]) {
      expect(record).toMatchObject({ name: 'made-up', kind: 'expand', epoch: 1, error: null });
      expect(record?.owner).toMatch(/^owner /);
    }
    const times = [before, first?.startedAt, first?.finishedAt, second?.startedAt, second?.finishedAt].map(
      Number,
    );
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it('stops before the next contract step', async () => {
    const steps = [step(1), step(2, undefined, 'contract'), step(3)];
    expect((await migrations(steps).up(RUN)).map(({ version }) => version)).toEqual([1]);
    expect(await migrations(steps).up(RUN)).toEqual([]);
    expect((await repository.find()).version).toBe(1);
  });

  it('gives each step its own connection and a signal', async () => {
    const [names, signals]: [string[], AbortSignal[]] = [[], []];
    const up: SchemaStep['up'] = async (db, { signal }) => {
      names.push(db.databaseName);
      signals.push(signal);
      await db.collection('things').insertOne({ n: 1 });
    };
    await migrations([step(1, up)]).up(RUN);
    expect(names).toEqual([connection.name]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    expect(await connection.db?.collection('things').find({}).toArray()).toHaveLength(1);
  });

  it('waits while another process holds the lock, and throws at the given limit', async () => {
    const [begun, end] = [deferred(), deferred()];
    const slow = step(1, async () => {
      begun.settle();
      await end.promise;
    });
    const first = migrations([slow]).up(RUN);
    await begun.promise;
    await expect(migrations([step(1)]).up(RUN)).rejects.toThrow(SchemaLockBusyError);
    const patient = migrations([step(1)]).up({ ...RUN, waitMs: 20_000 });
    end.settle();
    expect((await first).length).toBe(1);
    expect(await patient).toEqual([]);
  });
});

describe('a step that throws', () => {
  const broken = step(2, async () => Promise.reject(new Error('the step has a fault')));

  it('leaves a record with the instruction, frees the lock, and is not repeated without retryFailed', async () => {
    await expect(migrations([step(1), broken, step(3)]).up(RUN)).rejects.toThrow(SchemaStepFailedError);
    const state = await repository.find();
    expect(state).toMatchObject({
      version: 1,
      owner: null,
      failed: {
        version: 2,
        error: 'the step has a fault',
        whatToDo: expect.stringContaining('samserver schema up'),
      },
    });
    expect(state.steps[1]).toMatchObject({ version: 2, finishedAt: null, error: 'the step has a fault' });
    await expect(migrations([step(1), step(2), step(3)]).up(RUN)).rejects.toThrow(SchemaStepFailedError);
    expect((await repository.find()).version).toBe(1);
  });

  it('is repeated with retryFailed', async () => {
    await expect(migrations([step(1), broken]).up(RUN)).rejects.toThrow(SchemaStepFailedError);
    const ran = await migrations([step(1), step(2)]).up({ ...RUN, retryFailed: true });
    expect(ran.map(({ version }) => version)).toEqual([2]);
    const { version, failed, steps } = await repository.find();
    expect([version, failed, steps[1]?.error]).toEqual([2, null, null]);
  });

  it('during an outage of the database has not failed: it runs again', async () => {
    let tries = 0;
    const unlucky = step(1, async () => {
      tries += 1;
      if (tries === 1) throw Object.assign(new Error('gone'), { name: 'MongoNetworkError' });
    });
    await expect(migrations([unlucky]).up(RUN)).rejects.toThrow('gone');
    expect((await repository.find()).failed).toBeNull();
    await migrations([unlucky]).up(RUN);
    expect((await repository.find()).version).toBe(1);
  });

  it('at a shutdown has not failed', async () => {
    const end = new AbortController();
    const cutShort = step(1, async () => {
      end.abort(new Error('ending'));
      await new Promise(() => undefined);
    });
    await expect(migrations([cutShort]).up({ ...RUN, signal: end.signal })).rejects.toThrow('ending');
    const { version, failed, owner, steps } = await repository.find();
    expect([version, failed, owner, steps[0]?.finishedAt]).toEqual([0, null, null, null]);
    // The lock is free at once, not after its lease.
    await migrations([step(1)]).up(RUN);
  });
});

describe('a lock that is lost', () => {
  /** Much longer than a slow machine or a slow database needs until the step begins; a takeover is seen after a sixth. */
  const LEASE_MS = 12_000;

  it('aborts the step, stops the work and records nothing, when another has taken over', async () => {
    const [begun, aborted] = [deferred(), deferred()];
    const ran: number[] = [];
    const waiting = step(1, async (_db, { signal }) => {
      begun.settle();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted.settle();
    });
    const lost = migrations([waiting, step(2, async () => void ran.push(2))], LEASE_MS).up(RUN);
    const outcome = lost.catch((error: unknown) => error);
    await begun.promise;
    await takeOver();
    await aborted.promise;
    expect(await outcome).toBeInstanceOf(SchemaLockLostError);
    expect(ran).toEqual([]);
    expect(await repository.find()).toMatchObject({ version: 0, epoch: 2, owner: 'another', failed: null });
  });

  it('is detected at the record when the step ends before the next renewal', async () => {
    await expect(migrations([step(1, takeOver)]).up(RUN)).rejects.toThrow(SchemaLockLostError);
    expect(await repository.find()).toMatchObject({
      version: 0,
      owner: 'another',
      steps: [{ finishedAt: null }],
    });
  });

  it('is lost by a process that blocks longer than the lease, even without a takeover', async () => {
    const blocking = step(1, async () => {
      const endMs = performance.now() + 900;
      while (performance.now() < endMs);
    });
    await expect(migrations([blocking], 600).up(RUN)).rejects.toThrow(SchemaLockLostError);
    expect(await repository.find()).toMatchObject({ version: 0, failed: null });
  });

  it('closes the connection of a step that ignores the signal', async () => {
    const begun = deferred();
    let cut: unknown;
    const stubborn = step(1, async (db) => {
      begun.settle();
      try {
        for (;;) await db.command({ ping: 1 });
      } catch (error) {
        cut = error;
      }
    });
    const outcome = migrations([stubborn], LEASE_MS)
      .up(RUN)
      .catch((error: unknown) => error);
    await begun.promise;
    await takeOver();
    expect(await outcome).toBeInstanceOf(SchemaLockLostError);
    await until(() => cut !== undefined, 'the connection to be cut');
  });
});

describe('contract', () => {
  const STEPS = [step(1), step(2, undefined, 'contract'), step(3)];

  it('announces the step before it calls refusals, runs it, and clears the announcement with the record', async () => {
    await migrations(STEPS).up(RUN);
    let announced: number | null = null;
    const outcome = await migrations(STEPS).contract({
      ...RUN,
      refusals: async () => {
        announced = (await repository.find()).contractingTo;
        return [];
      },
    });
    expect([announced, outcome?.step.version, outcome?.reasons]).toEqual([2, 2, []]);
    expect(await repository.find()).toMatchObject({ version: 2, contractingTo: null, owner: null });
  });

  it('withdraws the announcement after a refusal and changes nothing', async () => {
    await migrations(STEPS).up(RUN);
    const outcome = await migrations(STEPS).contract({
      ...RUN,
      refusals: async () => ['the old release needs it'],
    });
    expect(outcome?.reasons).toEqual(['the old release needs it']);
    expect(await repository.find()).toMatchObject({ version: 1, contractingTo: null, owner: null });
  });

  it('does nothing before the expand steps and after the last contract step', async () => {
    const refusals = async () => [];
    expect(await migrations(STEPS).contract({ ...RUN, refusals })).toBeNull();
    await migrations(STEPS).up(RUN);
    await migrations(STEPS).contract({ ...RUN, refusals });
    expect(await migrations(STEPS).contract({ ...RUN, refusals })).toBeNull();
  });

  it('that failed stays announced, also when the next attempt is refused', async () => {
    const half = [step(1), step(2, async () => Promise.reject(new Error('half gone')), 'contract')];
    await migrations(half).up(RUN);
    await expect(migrations(half).contract({ ...RUN, refusals: async () => [] })).rejects.toThrow(
      'half gone',
    );
    expect(await repository.find()).toMatchObject({ contractingTo: 2, failed: { version: 2 } });
    await migrations(half).contract({ ...RUN, refusals: async () => ['not now'] });
    expect(await repository.find()).toMatchObject({ contractingTo: 2, failed: { version: 2 } });
    await migrations(STEPS).contract({ ...RUN, refusals: async () => [] });
    expect(await repository.find()).toMatchObject({ version: 2, contractingTo: null, failed: null });
  });
});
