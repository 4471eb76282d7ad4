import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program, startDatabase, temporaryDirectory } from '../support/child-process.js';
import { writeLargePictureTree } from '../support/large-picture-tree.mjs';
import { OldDatabase } from '../support/old-database.js';
import { peakMbOf } from '../support/process-usage.js';
import { until } from '../support/sockets.js';
import { DEPLOYMENT_ID, filesBelow } from '../support/test-volume.js';

const FILES = 100_000;
/** Each copy is flushed, which takes milliseconds. */
const COPIED = 3_000;
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
  const timer = setInterval(() => (peakMb = peakMbOf(program.child.pid ?? 0) ?? peakMb), 50);
  const { code } = await program.exited;
  clearInterval(timer);
  const line = program.output.split('\n').find((each) => each.startsWith('{"command"'));
  if (line === undefined) throw new Error(`exit code ${code}: ${program.output.slice(-2_000)}`);
  return { code, peakMb, ...JSON.parse(line) };
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

  it('a scan continues after kill -9 and makes each record once; scan and verification keep their memory flat', async () => {
    const database = await startDatabase(join(directory.path, 'db'));
    const env = { MONGODB_URL: database.url, JWT_SECRET: 'a secret of the tests, longer than 32 bytes' };
    const schema = Program.start('cli.js', ['schema', 'up'], env);
    expect((await schema.exited).code).toBe(0);
    const records = await OldDatabase.open(database.url);
    const killed = start(['scan'], env);
    await until(
      async () => (await records.collection('images').estimatedDocumentCount()) > 5_000,
      'records of the scan',
    );
    expect(await killed.kill()).toMatchObject({ signal: 'SIGKILL' });
    const scan = await run(['scan'], env);
    expect(scan).toMatchObject({ code: 0, files: FILES });
    expect(scan.known).toBeGreaterThan(5_000);
    expect(scan.known + scan.adopted).toBe(FILES);
    expect(await records.collection('images').estimatedDocumentCount()).toBe(FILES);
    await records.close();
    await run(['manifest']);
    const verified = await run(['verify'], env);
    expect(verified).toMatchObject({ code: 0, read: FILES, mismatched: 0 });
    expect([scan.peakMb, verified.peakMb].filter((mb) => !(mb < PEAK_MB))).toEqual([]);
    await database.program.kill('SIGTERM');
  });
});

describe(`a backup of ${COPIED} files`, () => {
  it('that is killed with -9 is not taken for a whole one, and continues', async () => {
    const backup = join(directory.path, 'backup');
    const few = { IMAGE_DIR: join(directory.path, 'few') };
    await writeLargePictureTree(few.IMAGE_DIR, COPIED);
    const copying = start(['backup', backup], few);
    await killAt(copying, join(backup, 'checkpoint-1.jsonl'), 1e5);
    // 69: there is no finished manifest.
    expect(
      (await start(['restore', backup, '--to', join(directory.path, 'restored')], few).exited).code,
    ).toBe(69);
    await expectWholeCopies(few.IMAGE_DIR, join(backup, 'files'));

    const made = await run(['backup', backup], few);
    expect(made).toMatchObject({ code: 0, verified: { read: COPIED, expected: COPIED } });
    expect(made.kept).toBeGreaterThan(100);
    expect(made.kept + made.copied).toBe(COPIED);

    // The next backup, killed too, leaves the former one as it was.
    await writeLargePictureTree(few.IMAGE_DIR, COPIED, undefined, 2);
    await killAt(start(['backup', backup], few), join(backup, 'checkpoint-1.jsonl'), 1e5);
    const restored = join(directory.path, 'restored');
    const result = await run(['restore', backup, '--to', restored], few);
    expect(result).toMatchObject({ code: 0, copied: COPIED, verified: { read: COPIED } });
    await expectWholeCopies(few.IMAGE_DIR, join(backup, 'files'));
  });

  /** Files that have their final name have all their bytes. */
  async function expectWholeCopies(from: string, to: string): Promise<void> {
    const copies = (await filesBelow(to)).filter((path) => !path.startsWith('.samserver/'));
    expect(copies.length).toBeGreaterThan(100);
    for (const path of copies) {
      const [source, copy] = await Promise.all([from, to].map((each) => readFile(join(each, path))));
      expect(copy?.equals(source ?? Buffer.of())).toBe(true);
    }
  }
});
