/**
 * One process that takes a database through made-up steps with the runner of `dist`, and says how it went.
 * Argument: JSON `{url, lockMs, steps: [ms, …], shiftMs?, waitMs?}`; the steps are expand steps of so many milliseconds.
 * Each step leaves `{version, pid, what: 'begun' | 'ended'}` in `runs`, and looks at no signal.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const { url, lockMs, steps, shiftMs = 0, waitMs } = JSON.parse(process.argv[2]);
shiftClock(shiftMs);
await import('reflect-metadata');
const { openStepConnection, SchemaMigrator, SchemaStateRepository } =
  await import('../../dist/database/index.js');
const { createConnection } = (await import('mongoose')).default;

const say = (line) => process.stdout.write(`${line}\n`);
const { pid } = process;
const connection = await createConnection(url, { autoIndex: false, autoCreate: false }).asPromise();
const migrations = new SchemaMigrator({
  repository: new SchemaStateRepository(connection),
  owner: `process ${pid}`,
  lockMs,
  onProgress: say,
  openConnection: () => openStepConnection(url, { mongo: { timeoutMs: 5_000 } }),
  steps: steps.map((ms, index) => ({
    version: index + 1,
    name: 'made-up',
    kind: 'expand',
    up: async (db) => {
      const runs = db.collection('runs');
      const version = index + 1;
      await runs.insertOne({ version, pid, what: 'begun' });
      say(`in step ${version}`);
      const endMs = performance.now() + ms;
      // As a real step: it asks the database for this and that until it is through, or its connection is cut.
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
  say(`ran ${ran.map(({ version }) => version).join() || 'nothing'}`);
} catch (error) {
  say(`${error.name}: ${error.message}`);
  process.exitCode = 1;
}
await connection.close();

/** From here on this process believes that it is so much later. */
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
