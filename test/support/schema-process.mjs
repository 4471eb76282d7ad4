/**
 * Runs made-up schema steps on a database with the migrator of `dist`, and prints the result.
 * Argument: JSON `{url, lockMs, steps: [ms, …], shiftMs?, waitMs?}`; each number is the duration of an expand step.
 * Each step writes `{version, pid, what: 'begun' | 'ended'}` into `runs` and ignores its signal.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const { url, lockMs, steps, shiftMs = 0, waitMs } = JSON.parse(process.argv[2]);
shiftClock(shiftMs);
await import('reflect-metadata');
const { openStepConnection, SchemaMigrator, SchemaStateRepository } =
  await import('../../dist/database/index.js');
const { createConnection } = (await import('mongoose')).default;

const print = (line) => process.stdout.write(`${line}\n`);
const { pid } = process;
const connection = await createConnection(url, { autoIndex: false, autoCreate: false }).asPromise();
const migrations = new SchemaMigrator({
  repository: new SchemaStateRepository(connection),
  owner: `process ${pid}`,
  lockMs,
  onProgress: print,
  openConnection: () => openStepConnection(url, { mongo: { timeoutMs: 5_000 } }),
  steps: steps.map((ms, index) => ({
    version: index + 1,
    name: 'made-up',
    kind: 'expand',
    up: async (db) => {
      const runs = db.collection('runs');
      const version = index + 1;
      await runs.insertOne({ version, pid, what: 'begun' });
      print(`in step ${version}`);
      const endMs = performance.now() + ms;
      // Like a real step: it sends commands until it is done or its connection is closed.
      while (performance.now() < endMs) {
        await sleep(Math.min(50, ms));
        await db.command({ ping: 1 });
      }
      await runs.insertOne({ version, pid, what: 'ended' });
    },
  })),
});
try {
  const ran = await migrations.up({
    signal: new globalThis.AbortController().signal,
    retryFailed: false,
    waitMs,
  });
  print(`ran ${ran.map(({ version }) => version).join() || 'nothing'}`);
} catch (error) {
  print(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
await connection.close();

/** Moves the clock of this process ahead by `byMs`. */
function shiftClock(byMs) {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...args) {
      super(...(args.length > 0 ? args : [Real.now() + byMs]));
    }
    static now() {
      return Real.now() + byMs;
    }
  };
}
