import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { join } from 'node:path';
import {
  freePorts,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { OldDatabase } from '../support/old-database.js';
import { Scrape } from '../support/scrape.js';
import { until } from '../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../support/test-service.js';

const JOB = { job: 'position-retention' };
/** A sweep of so many takes much longer than the start of an instance. */
const VEHICLES = 8_000;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let database: Program;
let url: string;
let old: OldDatabase;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ({ program: database, url } = await startDatabase(join(directory.path, 'db')));
  old = await OldDatabase.open(url);
});
afterEach(async () => {
  await old.close();
  await database.kill('SIGTERM');
  await directory.remove();
});

interface Running {
  readonly program: Program;
  readonly url: string;
}
async function start(): Promise<Running> {
  const ports = await freePorts();
  const program = await startProcess(ports, {
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    MONGODB_URL: url,
    SCHEMA_ON_START: 'up',
    JWT_SECRET,
    OPS_TOKEN,
    POSITION_RETENTION_DAYS: '1',
  });
  return { program, url: `http://127.0.0.1:${ports.http}` };
}

const lease = async () => (await old.all('leases')).find(({ _id }) => _id === JOB.job);
const holds = async (instance: Running) =>
  (await Scrape.of(instance)).value('samserver_job_holds_lock', JOB) === 1;

it('kill -9 of the instance that runs a periodic job: another runs it within the lease', async () => {
  const schema = Program.start('cli.js', ['schema', 'up'], { MONGODB_URL: url, JWT_SECRET });
  expect((await schema.exited).code).toBe(0);
  await old.collection('vehicles').insertMany(
    Array.from({ length: VEHICLES }, (_, n) => ({
      callSign: `K-${n}`,
      callSignKey: `K-${n}`,
      registration: `K-${n}`,
      registrationKey: `K-${n}`,
      archivedAt: new Date(0),
    })),
  );
  const first = await start();
  const running = [first];
  try {
    await until(() => holds(first), 'the first instance to run the job');
    const second = await start();
    running.push(second);
    expect([await holds(first), await holds(second)]).toEqual([true, false]);
    const held = await lease();
    expect(held.owner).toContain(`:${first.program.child.pid}:`);
    await first.program.kill('SIGKILL');
    running.shift();
    const killedMs = performance.now();
    await until(() => holds(second), 'the second instance to run the job');
    const tookMs = Math.round(performance.now() - killedMs);
    console.info(`taken over after ${tookMs} ms`);
    expect(tookMs).toBeLessThan(10_000);
    const taken = await lease();
    expect(taken).toMatchObject({ epoch: held.epoch + 1 });
    // The run that was killed does not count.
    expect(taken.completedAt).toBeUndefined();
  } finally {
    await Promise.all(running.map(({ program }) => program.kill('SIGTERM')));
  }
}, 240_000);
