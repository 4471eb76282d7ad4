import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { runCommandLine } from '../../src/core/commands/index.js';
import { FileWorkerPool } from '../../src/images/volume/index.js';
import { backUp } from '../../src/migration/images/backup-files.js';
import { ImagesJob } from '../../src/migration/images/images-job.js';
import { imagesCommand } from '../../src/migration/images/index.js';
import { ManifestFiles } from '../../src/migration/images/manifest-files.js';
import { temporaryDirectory } from '../support/child-process.js';
import { writeOldPictures } from '../support/picture-tree.js';
import { createTestVolume, type TestVolume } from '../support/test-volume.js';

/** Hostile names; each is a file. */
const NAMES = [
  'line\nbreak.jpg',
  'line\u2028break.jpg',
  'back\\slash.jpg',
  '\u001b[2J.jpg',
  'q"uote.jpg',
  '🚑.jpg',
];

let volume: TestVolume;
let elsewhere: Awaited<ReturnType<typeof temporaryDirectory>>;
let manifest: string;
let paths: string[];
beforeEach(async () => {
  volume = await createTestVolume();
  elsewhere = await temporaryDirectory();
  manifest = join(volume.path, '.samserver/manifest');
  paths = await writeOldPictures(volume.path, 60);
  for (const name of NAMES) await writeFile(join(volume.path, name), name);
});
afterEach(async () => {
  await volume.remove();
  await elsewhere.remove();
});

interface Ran {
  readonly code: number;
  readonly errors: string;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly result: any;
}

async function images(...args: string[]): Promise<Ran> {
  let [output, errors] = ['', ''];
  const io = {
    env: { ...volume.env, JWT_SECRET: 'a secret of the tests, longer than 32 bytes' },
    stdout: { write: (text: string) => (output += text) },
    stderr: { write: (text: string) => (errors += text) },
    signal: new AbortController().signal,
  };
  const entry = { name: 'images', summary: '', load: async () => imagesCommand };
  const code = await runCommandLine(['images', ...args, '--json'], io, [entry]);
  return { code, errors, result: output === '' ? null : JSON.parse(output) };
}

/** Leaves what a killed run leaves: the first entries and a part of the next. */
async function cutToCheckpoint(from: string, to: string, entries: number): Promise<void> {
  const lines = (await readFile(from, 'utf8')).split('\n');
  await writeFile(to, `${lines.slice(0, entries).join('\n')}\n${lines[entries]?.slice(0, 30) ?? ''}`);
  await rm(from);
}

describe('an interrupted manifest', () => {
  it('continues without reading the files again, and gives the same root', async () => {
    const whole = await images('manifest');
    expect(whole).toMatchObject({ code: 0, result: { files: 66, continued: 0 } });
    await cutToCheckpoint(join(manifest, 'files.jsonl'), join(manifest, 'checkpoint-1.jsonl'), 40);
    await rm(join(manifest, 'summary.json'));
    const { result } = await images('manifest');
    expect(result).toMatchObject({ files: 66, continued: 40, rootSha256: whole.result.rootSha256 });
    expect((await readdir(manifest)).sort()).toEqual(['SHA256SUMS', 'files.jsonl', 'summary.json']);
  });
});

describe('an interrupted verification', () => {
  let record: string;
  beforeEach(async () => {
    await images('manifest');
    record = join(manifest, 'verifying-full-1.jsonl');
    await copyFile(join(manifest, 'files.jsonl'), `${record}.whole`);
    await cutToCheckpoint(`${record}.whole`, record, 40);
  });

  it('continues without reading the files again, and still finds every fault', async () => {
    await rm(join(volume.path, paths[0] ?? ''));
    await writeFile(join(volume.path, paths[1] ?? ''), 'changed');
    const { code, result } = await images('verify', '--no-database');
    expect([code, result.findings]).toEqual([1, { missing: 1, changed: 1 }]);
    expect(result.read).toBe(65);
    expect(result.continued).toBeGreaterThan(35);
    expect(await readdir(manifest)).not.toContain('verifying-full-1.jsonl');
    expect((await images('verify', '--no-database')).result).toMatchObject({ read: 65, continued: 0 });
  });

  it('begins again after a day, and for another kind of verification', async () => {
    expect((await images('verify', '--no-database', '--sample', '100')).result).toMatchObject({
      read: 66,
      continued: 0,
    });
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(record, yesterday, yesterday);
    expect((await images('verify', '--no-database')).result).toMatchObject({ read: 66, continued: 0 });
  });
});

describe('a backup', () => {
  it('verifies each copy once, and with --full every one', async () => {
    const backup = join(elsewhere.path, 'backup');
    const ran = async (...args: string[]): Promise<unknown[]> => {
      const { code, result } = await images('backup', backup, ...args);
      return [code, result?.copied, result?.verified.read, result?.verified.continued];
    };
    expect(await ran()).toEqual([0, 66, 66, 0]);
    await writeFile(join(volume.path, 'new.jpg'), 'new');
    // `read` counts what an earlier run has read too.
    expect(await ran()).toEqual([0, 1, 67, 66]);
    expect(await ran('--full')).toEqual([0, 0, 67, 0]);
    // A damaged copy is reported until it is mended: it is not taken for a verified one.
    await rm(join(backup, 'verified.jsonl'));
    const copy = join(backup, 'files', paths[0] ?? '');
    const bytes = await readFile(copy);
    const { atime, mtime } = await stat(copy);
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    await writeFile(copy, bytes);
    await utimes(copy, atime, mtime);
    for (let n = 0; n < 2; n += 1)
      expect(await images('backup', backup)).toMatchObject({ code: 1, result: { findings: { corrupt: 1 } } });
  });

  it('continues after an interruption without copying again', async () => {
    const backup = join(elsewhere.path, 'backup');
    await images('backup', backup);
    await cutToCheckpoint(join(backup, 'files.jsonl'), join(backup, 'checkpoint-1.jsonl'), 40);
    await cutToCheckpoint(join(backup, 'verified.jsonl'), join(backup, 'verifying-new-1.jsonl'), 30);
    await rm(join(backup, 'summary.json'));
    expect(await images('backup', backup)).toMatchObject({
      code: 0,
      result: { copied: 26, kept: 40, verified: { read: 66, continued: 30 } },
    });
  });

  it('whose list of files is damaged does not restore to a directory that looks whole', async () => {
    const backup = join(elsewhere.path, 'backup');
    await images('backup', backup);
    const list = join(backup, 'files.jsonl');
    const lines = (await readFile(list, 'utf8')).split('\n');
    await writeFile(list, lines.slice(0, 40).join('\n'));
    const target = join(elsewhere.path, 'restored');
    expect(await images('restore', backup, '--to', target)).toMatchObject({
      code: 1,
      errors: expect.stringContaining('40 of its 66 entries'),
    });
    expect(await readdir(target)).not.toContain('.samserver-volume');
    // The next backup writes the list again.
    expect(await images('backup', backup)).toMatchObject({ code: 0, result: { verified: { expected: 66 } } });
    expect(await images('restore', backup, '--to', target)).toMatchObject({ code: 0 });
    expect(await readdir(target)).toContain('.samserver-volume');
  });

  it('whose list of files was not written has no summary', async () => {
    const files = new ManifestFiles(join(elsewhere.path, 'backup'));
    const { writer } = await files.checkpoints.begin();
    await writer.add({ path: 'one.jpg', sizeBytes: 1, mtimeMs: 0, sha256: '0'.repeat(64) });
    // The list cannot get this name. A kill at this moment leaves the same.
    await mkdir(join(files.directory, 'files.jsonl', 'x'), { recursive: true });
    const about = { directory: volume.path, deploymentId: null };
    await expect(files.finish(writer, about)).rejects.toThrow();
    expect(await files.exists()).toBe(false);
  });

  it('stops at a full disk, with one line and not one for each file', async () => {
    const io = {
      env: {},
      stdout: { write: () => 0 },
      stderr: { write: () => 0 },
      signal: new AbortController().signal,
    };
    const job = new ImagesJob(io, null, 1);
    job.workers.run = async () => ({ fault: 'ENOSPC', isTargetFault: true });
    await expect(backUp(job, volume.path, join(elsewhere.path, 'full'))).rejects.toMatchObject({
      exitCode: 74,
      message: expect.stringContaining('ENOSPC'),
    });
    expect(job.findings).toEqual({});
    await job.stop();
  });
});

describe('hostile surroundings', () => {
  it('a manifest on a full disk ends with 74 and the reason, and the next run continues', async () => {
    // A limit on the size of files stands for the full disk. The checkpoint is larger than 8 blocks of 1 kB.
    const command = `ulimit -f 8 && exec ${process.execPath} ${resolve('dist/cli.js')} images manifest --json`;
    const env = {
      ...volume.env,
      PATH: process.env['PATH'] ?? '',
      JWT_SECRET: 'a secret, longer than 32 bytes, of tests',
    };
    const failed = await promisify(execFile)('bash', ['-c', command], { env }).catch(
      (error: unknown) => error,
    );
    expect(failed).toMatchObject({ code: 74, stderr: expect.stringContaining('the same command continues') });
    expect(await images('manifest')).toMatchObject({ code: 0, result: { files: 66 } });
  });

  it('a damaged manifest verifies nothing', async () => {
    await images('manifest');
    const file = join(manifest, 'files.jsonl');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"sha256":"', '"sha256":"x'));
    expect(await images('verify', '--no-database')).toMatchObject({
      code: 1,
      errors: expect.stringContaining('65 of its 66 entries'),
    });
  });

  it('a manifest of an earlier version verifies', async () => {
    // As 0.1.0 wrote it.
    const lines: string[] = [];
    for (const path of [...paths, ...NAMES].sort((one, other) =>
      Buffer.compare(Buffer.from(one), Buffer.from(other)),
    )) {
      const at = new Date('2025-01-02T03:04:05.678Z');
      await utimes(join(volume.path, path), at, at);
      const bytes = await readFile(join(volume.path, path));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      lines.push(JSON.stringify({ path, sizeBytes: bytes.length, mtimeMs: at.getTime(), sha256 }));
    }
    const old = join(elsewhere.path, 'old');
    await mkdir(old);
    await writeFile(join(old, 'files.jsonl'), `${lines.join('\n')}\n`);
    const summary = {
      version: 1,
      directory: volume.path,
      files: 66,
      bytes: 1,
      rootSha256: '',
      madeAt: '',
      deploymentId: null,
    };
    await writeFile(join(old, 'summary.json'), JSON.stringify(summary));
    expect(await images('verify', '--no-database', '--manifest', old)).toMatchObject({
      code: 0,
      result: { read: 66, mismatched: 0, findings: {} },
    });
  });

  it('a file that changes or vanishes while it is read is not taken for its old or new content', async () => {
    const workers = new FileWorkerPool(1);
    const path = join(elsewhere.path, 'growing');
    const file = await open(path, 'w');
    try {
      await file.truncate(200e6);
      let isDone = false;
      const reading = workers.run({ path }).finally(() => (isDone = true));
      while (!isDone) await file.utimes(1, Math.random() * 1e9);
      expect(await reading).toEqual({ fault: 'changed while it was read' });
      await rename(path, `${path}-away`);
      expect(await workers.run({ path })).toEqual({ fault: 'ENOENT' });
      await promisify(execFile)('mkfifo', [path]);
      expect(await workers.run({ path })).toEqual({ fault: 'no plain file' });
    } finally {
      await file.close();
      await workers.stop();
    }
  });

  it('two runs at once: the second is refused', async () => {
    const [one, other] = await Promise.all([images('manifest'), images('manifest')]);
    expect([one.code, other.code].sort()).toEqual(expect.arrayContaining([75]));
    expect((await images('manifest')).code).toBe(0);
  });
});
