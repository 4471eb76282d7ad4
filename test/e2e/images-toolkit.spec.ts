import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program, startDatabase, temporaryDirectory } from '../support/child-process.js';
import { writeLargePictureTree } from '../support/large-picture-tree.mjs';
import { until } from '../support/sockets.js';
import { DEPLOYMENT_ID } from '../support/test-volume.js';

const FILES = 100_000;
/**
 * Enough for the files in work. Measured with a list of path, size and time of each file as well: that run ends with an
 * abort (out of memory).
 */
const SMALL_HEAP = '--max-old-space-size=20 --max-semi-space-size=1';
/** Measured: 95 MB with the small heap, 160 MB with the database; 290 MB without the limit on the growth of the heap. */
const PEAK_MB = 190;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let volume: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
  volume = join(directory.path, 'volume');
  await writeLargePictureTree(volume, FILES);
  await writeFile(join(volume, '.samserver-volume'), `${DEPLOYMENT_ID}\n`);
});
afterEach(() => directory.remove());

function start(args: readonly string[], env: Record<string, string> = {}): Program {
  const settings = { JWT_SECRET: 'a secret of the tests, longer than 32 bytes', IMAGE_DIR: volume, ...env };
  return Program.start('cli.js', ['images', ...args, '--json'], settings);
}

/** Runs a command to its end. @returns its result with the highest resident memory, MB */
// Tests read the fields that they assert.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
async function run(args: readonly string[], env?: Record<string, string>): Promise<any> {
  const program = start(args, env);
  let peakMb = 0;
  const timer = setInterval(() => (peakMb = peakOf(program) ?? peakMb), 50);
  const { code } = await program.exited;
  clearInterval(timer);
  const line = program.output.split('\n').find((each) => each.startsWith('{"command"'));
  if (line === undefined) throw new Error(`exit code ${code}: ${program.output.slice(-2_000)}`);
  return { code, peakMb, ...JSON.parse(line) };
}

/** The kernel keeps the highest value itself, so a late sample misses little. */
function peakOf({ child }: Program): number | null {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1]) / 1_024 || null;
  } catch {
    return null;
  }
}

/** Kills a command when a file that it writes has this size. */
async function killAt(program: Program, path: string, sizeBytes: number): Promise<void> {
  const size = (): Promise<number> =>
    stat(path).then(
      (found) => found.size,
      () => 0,
    );
  await until(async () => (await size()) > sizeBytes, path);
  expect(await program.kill()).toMatchObject({ signal: 'SIGKILL' });
}

describe(`samserver images with ${FILES} files`, () => {
  it('a manifest and a verification continue after kill -9, in a small heap', async () => {
    const small = { NODE_OPTIONS: SMALL_HEAP };
    const manifest = join(volume, '.samserver/manifest');
    await killAt(start(['manifest'], small), join(manifest, 'checkpoint-1.jsonl'), 2e6);
    const made = await run(['manifest'], small);
    expect(made).toMatchObject({ code: 0, files: FILES });
    expect(made.continued).toBeGreaterThan(5_000);
    expect(made.continued).toBeLessThan(FILES);
    expect(made.peakMb).toBeLessThan(PEAK_MB);

    await killAt(start(['verify', '--no-database'], small), join(manifest, 'verifying-full-1.jsonl'), 2e6);
    const verified = await run(['verify', '--no-database'], small);
    expect(verified).toMatchObject({ code: 0, files: FILES, read: FILES, mismatched: 0 });
    expect(verified.continued).toBeGreaterThan(5_000);
    expect(verified.peakMb).toBeLessThan(PEAK_MB);
    // Without an interruption, into another directory: the same root.
    const again = await run(['manifest', '--manifest', join(directory.path, 'again')]);
    expect(again).toMatchObject({ continued: 0, rootSha256: made.rootSha256 });
  });

  it('a scan and a verification with the database keep their memory flat', async () => {
    const database = await startDatabase(join(directory.path, 'db'));
    const env = { MONGODB_URL: database.url, JWT_SECRET: 'a secret of the tests, longer than 32 bytes' };
    const schema = Program.start('cli.js', ['schema', 'up'], env);
    expect((await schema.exited).code).toBe(0);
    const scan = await run(['scan'], env);
    expect(scan).toMatchObject({ code: 0, adopted: FILES });
    await run(['manifest']);
    const verified = await run(['verify'], env);
    expect(verified).toMatchObject({ code: 0, read: FILES, mismatched: 0 });
    expect([scan.peakMb, verified.peakMb].filter((mb) => !(mb < PEAK_MB))).toEqual([]);
    await database.program.kill('SIGTERM');
  });
});
