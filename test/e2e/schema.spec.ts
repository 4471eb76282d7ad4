import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection } from 'mongoose';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SchemaState, SchemaStateRepository } from '../../src/database/index.js';
import { Program } from '../support/child-process.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

/** Number of kills. Few, to keep CI short; `npm run soak` raises it. */
const KILLS = Number(process.env['SAMSERVER_KILLS'] ?? 5);
const LOCK_MS = 2_000;
/** Tolerance beyond the lease, for a machine of two cores that starts processes at the same time. */
const PATIENCE_MS = 8_000;

let database: TestDatabase;
let connection: Connection;
beforeEach(async () => {
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
});
afterEach(async () => {
  await connection.close();
  await database.stop();
});

interface Run {
  readonly version: number;
  readonly pid: number;
  readonly what: 'begun' | 'ended';
}

const state = (): Promise<SchemaState> => new SchemaStateRepository(connection).find();
const runs = async (): Promise<Run[]> =>
  (await connection.db?.collection<Run>('runs').find({}).toArray()) ?? [];

function migrate(steps: readonly number[], more: { shiftMs?: number; lockMs?: number } = {}): Program {
  const order = { url: database.url, lockMs: LOCK_MS, steps, ...more };
  return Program.start('../test/support/schema-process.mjs', [JSON.stringify(order)], {});
}

async function expectEachOnce(versions: readonly number[]): Promise<void> {
  const done = await runs();
  for (const what of ['begun', 'ended'] as const) {
    expect(done.filter((run) => run.what === what).map(({ version }) => version)).toEqual(versions);
  }
  const { version, owner, steps } = await state();
  expect([version, owner]).toEqual([versions.at(-1), null]);
  expect(steps.map((step) => [step.version, step.finishedAt !== null])).toEqual(
    versions.map((each) => [each, true]),
  );
}

describe('processes on one schema', () => {
  it('ten that start at once on an empty database run each step once', async () => {
    const programs = Array.from({ length: 10 }, () => migrate([100, 300, 100], { lockMs: 20_000 }));
    const ends = await Promise.all(programs.map((program) => program.exited));
    expect(ends).toEqual(ends.map(() => ({ code: 0, signal: null })));
    await expectEachOnce([1, 2, 3]);
    const said = programs.map(({ output }) => /^ran (.*)$/m.exec(output)?.[1]);
    expect(said.filter((ran) => ran !== 'nothing')).toEqual(['1,2,3']);
  });

  it('one with a clock six minutes ahead and one six minutes behind wait like the others', async () => {
    const minutes = 60_000;
    const lockMs = 20_000;
    const owner = migrate([300, 2_000, 300], { lockMs });
    await owner.waitForOutput(/in step 1/);
    const others = [6 * minutes, -6 * minutes].map((shiftMs) => migrate([300, 10, 300], { shiftMs, lockMs }));
    for (const program of [owner, ...others]) expect((await program.exited).code).toBe(0);
    await expectEachOnce([1, 2, 3]);
    expect((await state()).epoch).toBe(1);
  });

  it('one with a shifted clock holds the lock like the others', async () => {
    const owner = migrate([300, 1_500], { shiftMs: -6 * 60_000 });
    await owner.waitForOutput(/in step 1/);
    const other = migrate([300, 10]);
    for (const program of [owner, other]) expect((await program.exited).code).toBe(0);
    await expectEachOnce([1, 2]);
    const now = Date.now();
    for (const { startedAt } of (await state()).steps)
      expect(Math.abs(now - startedAt.getTime())).toBeLessThan(60_000);
  });

  it('one that resumes after a takeover records nothing and reports the lost lock', async () => {
    const sleeper = migrate([50, 600_000]);
    await sleeper.waitForOutput(/in step 2/);
    sleeper.child.kill('SIGSTOP');
    const other = migrate([50, 50, 50]);
    expect((await other.exited).code).toBe(0);
    const after = await state();
    expect([after.version, after.epoch, after.owner]).toEqual([3, 2, null]);
    sleeper.child.kill('SIGCONT');
    expect(await sleeper.exited).toEqual({ code: 1, signal: null });
    expect(sleeper.output).toMatch(/SchemaLockLostError: .*nothing more is recorded/);
    expect(await state()).toEqual(after);
    expect((await runs()).filter(({ pid, version }) => pid === sleeper.child.pid && version === 2)).toEqual([
      expect.objectContaining({ what: 'begun' }),
    ]);
  });

  it(
    'kill -9 of the holder during a step: another finishes within the lease, finished steps do not run again',
    async () => {
      const takeoversMs: number[] = [];
      for (let kill = 0; kill < KILLS; kill += 1) {
        await connection.db?.collection('runs').deleteMany({});
        await connection.db?.collection('schema_state').deleteMany({});
        takeoversMs.push(await killHolder(1 + (kill % 3)));
      }
      console.info(`${KILLS} kills: another had finished after ${takeoversMs.map(Math.round).join(', ')} ms`);
      expect(Math.max(...takeoversMs)).toBeLessThan(LOCK_MS + PATIENCE_MS);
    },
    30_000 + KILLS * (LOCK_MS + PATIENCE_MS + 5_000),
  );
});

/** @returns the time from the kill to the end of the last step, milliseconds */
async function killHolder(inStep: number): Promise<number> {
  const victim = migrate([200, 200, 200]);
  await victim.waitForOutput(/in step 1/);
  const other = migrate([20, 20, 20]);
  await victim.waitForOutput(new RegExp(`in step ${inStep}`));
  await sleep(Math.random() * 150);
  const before = performance.now();
  await victim.kill();
  expect((await other.exited).code).toBe(0);
  const tookMs = performance.now() - before;
  const { version, owner, steps } = await state();
  expect([version, owner, steps.every(({ finishedAt }) => finishedAt !== null)]).toEqual([3, null, true]);
  // The other process did not begin a step that the victim finished.
  const byVictim = steps.filter((step) => step.epoch === 1).map((step) => step.version);
  const begunByOther = (await runs()).filter(({ pid, what }) => pid === other.child.pid && what === 'begun');
  expect(begunByOther.map((run) => run.version)).toEqual(
    [1, 2, 3].filter((each) => !byVictim.includes(each)),
  );
  return tookMs;
}
