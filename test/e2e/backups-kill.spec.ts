import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection, type Connection } from 'mongoose';
import { randomInt } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { timeOrderedId } from '../../src/database/index.js';
import {
  freePorts,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { peakMbOf } from '../support/process-usage.js';
import { ADMIN, JWT_SECRET } from '../support/test-service.js';

const POSITIONS = Number(process.env['SAMSERVER_BACKUP_POSITIONS'] ?? 60_000);
const PICTURES = Number(process.env['SAMSERVER_BACKUP_PICTURES'] ?? 5_000);
const KILLS = Number(process.env['SAMSERVER_BACKUP_KILLS'] ?? 3);
/** Of each command, whatever the size of the database is. */
const PEAK_MB = 200;
const BATCH = 5_000;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let database: Program;
let url: string;
let connection: Connection;
beforeAll(async () => {
  directory = await temporaryDirectory();
  ({ program: database, url } = await startDatabase(join(directory.path, 'database')));
  const ports = await freePorts();
  const service = await startProcess(ports, env());
  const token = await adminToken({ url: `http://127.0.0.1:${ports.http}` });
  await newVehicle({ url: `http://127.0.0.1:${ports.http}` }, token);
  await service.kill('SIGTERM');
  connection = await createConnection(url).asPromise();
  const vehicle = 'a'.repeat(24);
  for (let n = 0; n < POSITIONS; n += BATCH)
    await connection.collection('positions').insertMany(
      Array.from({ length: Math.min(BATCH, POSITIONS - n) }, (_, index) => ({
        _id: timeOrderedId(vehicle, 1_700_000_000_000 + (n + index) * 1_000),
        ...{ lat: 48 + index * 1e-5, lon: 11, receivedAt: new Date(), speed: index % 30, source: 'http' },
      })) as never,
    );
  for (let n = 0; n < PICTURES; n += BATCH)
    await connection.collection('images').insertMany(
      Array.from({ length: Math.min(BATCH, PICTURES - n) }, (_, index) => ({
        ...{ path: `uploads/ambulance_images/${n + index}/image.jpg`, sizeBytes: 20_000, width: 640 },
        ...{ sha256: String(n + index).padStart(64, '0'), takenAt: new Date(), text: 'x'.repeat(200) },
      })),
    );
}, 900_000);
afterAll(async () => {
  await connection?.close();
  await database?.kill('SIGTERM');
  await directory?.remove();
});

const env = (more: Record<string, string> = {}): Record<string, string> => ({
  MONGODB_URL: url,
  SCHEMA_ON_START: 'up',
  JWT_SECRET,
  ADMIN_EMAIL: ADMIN.email,
  ADMIN_PASSWORD: ADMIN.password,
  BACKUP_DIR: join(directory.path, 'backups'),
  ...more,
});
const start = (args: readonly string[], more?: Record<string, string>): Program =>
  Program.start('cli.js', ['backup', ...args, '--json'], env(more));

interface Ran {
  readonly code: number | null;
  readonly seconds: number;
  readonly peakMb: number;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly result: any;
  readonly output: string;
}

async function run(args: readonly string[], more?: Record<string, string>): Promise<Ran> {
  const startMs = performance.now();
  const program = start(args, more);
  let peakMb = 0;
  const timer = setInterval(() => (peakMb = peakMbOf(program.child.pid ?? 0) ?? peakMb), 50);
  const { code } = await program.exited;
  clearInterval(timer);
  // Progress on stderr comes before the result.
  const at = program.output.search(/^\{/m);
  const seconds = (performance.now() - startMs) / 1_000;
  return {
    code,
    seconds,
    peakMb,
    result: at < 0 ? null : JSON.parse(program.output.slice(at)),
    output: program.output,
  };
}

/** Runs a command to its end after it was killed at random moments of its usual time. */
async function killedOften(
  args: readonly string[],
  seconds: number,
  more?: Record<string, string>,
): Promise<Ran> {
  for (let kills = 0; kills < KILLS; kills += 1) {
    const program = start(args, more);
    await sleep(randomInt(300, Math.max(400, Math.ceil(seconds * 1_000))));
    await program.kill();
  }
  return run(args, more);
}

describe(`a backup of ${POSITIONS} positions and ${PICTURES} pictures`, () => {
  it('is made, verified, rehearsed and restored in little memory', async () => {
    const figures: Record<string, object> = {};
    for (const args of [['run', '--pause', '0'], ['verify'], ['rehearse'], ['restore']]) {
      const more: Record<string, string> = args[0] === 'restore' ? { MONGODB_URL: withName('restored') } : {};
      const { code, seconds, peakMb, result, output } = await run(args, more);
      expect([code, output]).toEqual([0, expect.any(String)]);
      expect(peakMb).toBeLessThan(PEAK_MB);
      figures[args[0] ?? ''] = { seconds: Number(seconds.toFixed(1)), peakMb, ...result };
    }
    console.info(JSON.stringify(figures));
    const positions = connection.useDb('restored').collection('positions');
    expect(await positions.estimatedDocumentCount()).toBe(POSITIONS);
  }, 3_600_000);

  it('is complete after kills at random moments, or refused: never a half that looks whole', async () => {
    const made = await killedOften(['run', '--pause', '0'], 3);
    expect(made).toMatchObject({ code: 0 });
    expect(made.result.documents).toBeGreaterThanOrEqual(POSITIONS + PICTURES);
    const { result: verified } = await run(['verify']);
    expect(verified.faults).toEqual([]);
    expect(await killedOften(['rehearse'], 4)).toMatchObject({ code: 0 });
    // One that ended before its kill has left a database that is not empty.
    const restore = ['restore', '--replace', 'killed'];
    expect(await killedOften(restore, 4, { MONGODB_URL: withName('killed') })).toMatchObject({ code: 0 });
  }, 3_600_000);

  it('that a kill has cut is listed as incomplete, and no other command takes it', async () => {
    const backups = join(directory.path, 'cut');
    const program = start(['run', '--pause', '100'], { BACKUP_DIR: backups });
    await program.waitForOutput(/documents\n/);
    await program.kill();
    const { result } = await run(['list'], { BACKUP_DIR: backups });
    expect(result.sets).toMatchObject([{ state: 'incomplete' }]);
    for (const args of [['verify'], ['restore'], ['rehearse']])
      expect((await run(args, { BACKUP_DIR: backups })).code).toBe(69);
  });

  it('that meets a full disk ends with the reason, and is not complete', async () => {
    const backups = join(directory.path, 'file');
    await writeFile(backups, '');
    const { code } = await run(['run'], { BACKUP_DIR: backups });
    expect(code).not.toBe(0);
    expect((await stat(backups)).isFile()).toBe(true);
    expect(await readFile(backups, 'utf8')).toBe('');
  });
});

it('runs beside devices, whose reports are all taken', async () => {
  const ports = await freePorts();
  const service = await startProcess(ports, env());
  const target = { url: `http://127.0.0.1:${ports.http}` };
  const { deviceToken } = await newVehicle(target, await adminToken(target));
  const p99 = async (isOver: () => boolean): Promise<number> => {
    const latencies: number[] = [];
    for (let n = 0; n < 200 || !isOver(); n += 1) {
      const beganMs = performance.now();
      const body = { positions: [{ lat: 48, lon: 11, time: new Date().toISOString() }] };
      const { status } = await call(target, 'POST', '/api/v1/positions', { token: deviceToken, body });
      expect(status).toBe(200);
      latencies.push(performance.now() - beganMs);
      await sleep(10);
    }
    latencies.sort((a, b) => a - b);
    return latencies[Math.floor(latencies.length * 0.99)] ?? 0;
  };
  const without = await p99(() => true);
  const program = start(['run'], { BACKUP_DIR: join(directory.path, 'beside') });
  const beside = await p99(() => program.child.exitCode !== null);
  console.info(JSON.stringify({ p99WithoutMs: Math.round(without), p99BesideMs: Math.round(beside) }));
  expect(await program.exited).toMatchObject({ code: 0 });
  await service.kill('SIGTERM');
}, 600_000);

const withName = (name: string): string => url.replace(/\/samserver(?=\?|$)/, `/${name}`);
