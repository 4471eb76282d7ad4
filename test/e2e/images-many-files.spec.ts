import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { mkdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { countFiles } from '../../src/migration/images/tree-walk.js';
import {
  freePorts,
  type Ports,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { writeLargePictureTree } from '../support/large-picture-tree.mjs';
import { OldDatabase } from '../support/old-database.js';
import { peakMbOf, residentMb } from '../support/process-usage.js';
import { until } from '../support/sockets.js';
import { filesBelow } from '../support/test-volume.js';

/** `npm run soak` sets 3,000,000. */
const FILES = Number(process.env['SAMSERVER_VOLUME_FILES'] ?? 20_000);
/** `npm run soak` sets 500,000. */
const IN_ONE_DIRECTORY = Number(process.env['SAMSERVER_DIRECTORY_FILES'] ?? 50_000);
const ORPHANS = 2_000;
const OLD_MS = 7_200_000;
const MAX_MB = 250;
const SETTINGS = { JWT_SECRET: 'a secret of the tests, longer than 32 bytes', IMAGE_MIN_FREE_PCT: '0' };

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let ports: Ports;
let volume: string;
let database: Awaited<ReturnType<typeof startDatabase>>;
let env: Record<string, string>;
beforeEach(async () => {
  directory = await temporaryDirectory();
  ports = await freePorts();
  volume = join(directory.path, 'volume');
  await mkdir(volume);
  database = await startDatabase(join(directory.path, 'db'));
  env = { ...SETTINGS, MONGODB_URL: database.url, IMAGE_DIR: volume, DATA_DIR: directory.path };
  for (const command of [['init'], ['schema', 'up']])
    expect((await Program.start('cli.js', command, env).exited).code).toBe(0);
});
afterEach(async () => {
  await database.program.kill('SIGTERM');
  await directory.remove();
});

describe(`the service on a volume of ${FILES} files`, () => {
  it('starts and sweeps what interrupted uploads have left, and touches nothing else', async () => {
    const emptyMs = await startMs();
    await writeLargePictureTree(volume, FILES);
    const incoming = join(volume, '.samserver/incoming');
    await mkdir(incoming, { recursive: true });
    const old = new Date(Date.now() - OLD_MS);
    for (let n = 0; n < ORPHANS; n += 1) {
      const path = join(incoming, `${randomBytes(12).toString('hex')}.part`);
      await writeFile(path, 'part');
      await utimes(path, old, old);
    }
    // The sweep runs when ten minutes are over since the last one, which found nothing.
    const leases = await OldDatabase.open(database.url);
    await leases.collection('leases').deleteOne({ _id: 'incoming-image-sweep' } as never);
    await leases.close();
    const fullMs = await startMs(async (service) => {
      await until(async () => (await filesBelow(incoming)).length === 0, 'the sweep');
      const peakMb = residentMb(service.child.pid ?? 0);
      console.info(`${FILES} files: ${peakMb.toFixed(0)} MB after the sweep`);
      expect(peakMb).toBeLessThan(MAX_MB);
    });
    console.info(
      `start: ${emptyMs.toFixed(0)} ms on an empty volume, ${fullMs.toFixed(0)} ms with ${FILES} files`,
    );
    expect(fullMs).toBeLessThan(3 * emptyMs + 2_000);
    let files = 0;
    await countFiles(volume, (count) => (files += count));
    expect(files).toBe(FILES);
  });

  /** @returns the time from the start of the process to a ready service */
  async function startMs(check?: (service: Program) => Promise<void>): Promise<number> {
    const startedMs = performance.now();
    const service = await startProcess(ports, env);
    const ms = performance.now() - startedMs;
    await check?.(service);
    await service.kill('SIGTERM');
    return ms;
  }
});

describe(`a directory of ${IN_ONE_DIRECTORY} files`, () => {
  it('is read by the commands in little memory, and its files are served', async () => {
    let last = '';
    await writeLargePictureTree(volume, IN_ONE_DIRECTORY, 1, 1, (path) => (last = path));
    const manifest = await command('manifest');
    expect(manifest).toMatchObject({ code: 0, files: IN_ONE_DIRECTORY });
    const verified = await command('verify', '--no-database');
    expect(verified).toMatchObject({ code: 0, read: IN_ONE_DIRECTORY, mismatched: 0 });
    console.info(
      `${IN_ONE_DIRECTORY} files in a directory: manifest ${manifest.peakMb.toFixed(0)} MB, verify ${verified.peakMb.toFixed(0)} MB`,
    );
    expect(Math.max(manifest.peakMb, verified.peakMb)).toBeLessThan(MAX_MB);

    const service = await startProcess(ports, env);
    const answer = await fetch(`http://127.0.0.1:${ports.http}/uploads/ambulance_images/${last}`);
    expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([
      200,
      (await stat(join(volume, last))).size,
    ]);
    await service.kill('SIGTERM');
  });

  /** @returns the result of the command with its highest resident memory, MB */
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async function command(...args: string[]): Promise<any> {
    const program = Program.start('cli.js', ['images', ...args, '--json'], {
      ...SETTINGS,
      IMAGE_DIR: volume,
    });
    let peakMb = 0;
    const timer = setInterval(() => (peakMb = peakMbOf(program.child.pid ?? 0) ?? peakMb), 50);
    const { code } = await program.exited;
    clearInterval(timer);
    const line = program.output.split('\n').find((each) => each.startsWith('{"command"'));
    if (line === undefined) throw new Error(`exit code ${code}: ${program.output.slice(-2_000)}`);
    return { code, peakMb, ...JSON.parse(line) };
  }
});
