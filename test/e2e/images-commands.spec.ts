import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program, temporaryDirectory } from '../support/child-process.js';
import { adminToken, call } from '../support/http.js';
import { BOX_CODES, writeOldPictures } from '../support/picture-tree.js';
import { imagesOf, jpeg, upload } from '../support/pictures.js';
import { JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';
import { DEPLOYMENT_ID, filesBelow, createTestVolume, type TestVolume } from '../support/test-volume.js';

/** Each command is a process, whose start takes a second or two on a busy machine. */
jest.setTimeout(180_000);

let volume: TestVolume;
let service: TestService;
let token: string;
let elsewhere: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  volume = await createTestVolume();
  elsewhere = await temporaryDirectory();
  service = await startTestService(volume.env);
  token = await adminToken(service);
});
afterEach(async () => {
  await service.stop();
  await volume.remove();
  await elsewhere.remove();
});

interface Ran {
  readonly code: number | null;
  readonly output: string;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly result: any;
}

const images = (...args: string[]): Promise<Ran> => imagesWith({}, ...args);

async function imagesWith(more: Record<string, string>, ...args: string[]): Promise<Ran> {
  const env = { MONGODB_URL: service.database.url, JWT_SECRET, ...volume.env, ...more };
  const program = Program.start('cli.js', ['images', ...args, '--json'], env);
  const { code } = await program.exited;
  const line = program.output.split('\n').find((each) => each.startsWith('{'));
  return { code, output: program.output, result: line === undefined ? null : JSON.parse(line) };
}

async function newBox(boxCode: string): Promise<string> {
  const body = { callSign: boxCode, registration: boxCode, type: 'als', boxCode };
  return (await call(service, 'POST', '/api/v1/vehicles', { token, body })).body.id;
}

describe('samserver images', () => {
  it('prints its usage, and the reason of an error', async () => {
    expect(await images('--help')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Usage: samserver images'),
    });
    for (const wrong of [
      [],
      ['paint'],
      ['verify', 'a', 'b'],
      ['backup'],
      ['verify', '--sample', '0'],
      ['scan', '--what'],
    ])
      expect([wrong, (await images(...wrong)).code]).toEqual([wrong, 64]);
    expect((await images('manifest', join(volume.path, 'nothing'))).code).toBe(69);
    expect((await images('verify')).code).toBe(69);
    expect((await images('scan', elsewhere.path)).code).toBe(64);
  });

  it('scan adopts the old pictures in their places, once, and reports files that are no pictures', async () => {
    const paths = await writeOldPictures(volume.path, 30);
    const at = new Date('2024-05-06T07:08:09.123Z');
    for (const path of paths) await utimes(join(volume.path, path), at, at);
    await writeFile(join(volume.path, '291/film.mp4'), 'no picture');
    await writeFile(join(volume.path, '291/empty.jpg'), '');
    await symlink('/etc/passwd', join(volume.path, '291/link.jpg'));
    const before = await listing();
    const vehicleId = await newBox('291');

    const first = await images('scan');
    expect(first).toMatchObject({
      code: 1,
      result: {
        files: 32,
        adopted: 30,
        known: 0,
        findings: { 'not-a-picture': 2, unreadable: 1 },
      },
      output: expect.stringContaining('unreadable: 291/link.jpg (symbolic link)'),
    });
    expect(await listing()).toEqual(before);
    const { body } = await imagesOf(service, vehicleId, token);
    expect(body.items).toHaveLength(10);
    expect(body.items[0]).toMatchObject({ vehicleId, createdAt: at.toISOString(), width: 32, height: 24 });
    expect((await call(service, 'GET', body.items[0].url, { token })).status).toBe(200);

    expect(await images('scan')).toMatchObject({ result: { adopted: 0, known: 30, assigned: 0 } });
    const other = await newBox('292');
    expect(await images('scan', join(volume.path, '292'))).toMatchObject({
      code: 0,
      result: { files: 10, adopted: 0, known: 10, assigned: 10 },
    });
    expect((await imagesOf(service, other, token)).body.items).toHaveLength(10);
    await writeFile(join(volume.path, paths[0] ?? ''), await jpeg(77));
    expect(await images('scan')).toMatchObject({ code: 1, result: { findings: { changed: 1 } } });
  });

  it('retention shows what is to be deleted, and deletes nothing', async () => {
    for (const path of await writeOldPictures(volume.path, 30))
      await utimes(join(volume.path, path), 1_700_000_000, 1_700_000_000);
    await newBox('291');
    expect((await images('scan')).result).toMatchObject({ adopted: 30 });
    const before = await listing();
    expect(await images('retention')).toMatchObject({
      code: 0,
      result: { rules: [], settings: { retentionDays: null, whenFull: 'refuse', retentionAdopted: 'keep' } },
    });
    // Pictures of the old server stay.
    expect(await imagesWith({ IMAGE_RETENTION_DAYS: '30' }, 'retention')).toMatchObject({
      code: 0,
      result: { rules: [{ reason: 'age', vehicleId: null, images: 0 }] },
    });
    // The newest of the vehicle stay: ten of one time.
    const withAdopted = { IMAGE_RETENTION_DAYS: '30', IMAGE_RETENTION_ADOPTED: 'delete' };
    expect(await imagesWith(withAdopted, 'retention')).toMatchObject({
      code: 0,
      result: { rules: [{ reason: 'age', vehicleId: null, images: 20 }] },
    });
    expect(await listing()).toEqual(before);
  });

  it('manifest writes a file that sha256sum can check, unusual names included', async () => {
    await writeOldPictures(volume.path, 20);
    for (const name of [
      'with space.jpg',
      'with\nbreak.jpg',
      'back\\slash.jpg',
      '現場 🚑.jpg',
      '-a.jpg',
      'a-b',
      'a.b',
    ])
      await writeFile(join(volume.path, name), `content of ${name}`);
    await mkdir(join(volume.path, 'a'));
    await writeFile(join(volume.path, 'a/c'), 'x');
    expect(await images('manifest')).toMatchObject({ code: 0, result: { files: 28 } });
    const sums = join(volume.path, '.samserver/manifest/SHA256SUMS');
    const checked = execFileSync('sha256sum', ['-c', '--strict', '--quiet', sums], {
      cwd: volume.path,
      encoding: 'utf8',
    });
    expect(checked).toBe('');
    const { result } = await images('manifest');
    const summary = JSON.parse(await readFile(join(volume.path, '.samserver/manifest/summary.json'), 'utf8'));
    expect([result.rootSha256, result.deploymentId]).toEqual([summary.rootSha256, DEPLOYMENT_ID]);
    expect(execFileSync('sha256sum', [sums], { encoding: 'utf8' }).slice(0, 64)).toBe(summary.rootSha256);
    expect(await images('verify', '--no-database')).toMatchObject({
      code: 0,
      result: { files: 28, read: 28, mismatched: 0 },
    });
  });

  it('verify finds every kind of fault, and nothing else', async () => {
    const paths = await writeOldPictures(volume.path, 300);
    for (const box of BOX_CODES) await newBox(box);
    expect((await images('scan')).code).toBe(0);
    expect((await images('manifest')).code).toBe(0);
    expect(await images('verify')).toMatchObject({
      code: 0,
      result: { files: 300, read: 300, mismatched: 0, findings: {} },
    });

    const [missing, changed, corrupt, cut, touched] = [0, 1, 2, 3, 4].map((n) =>
      paths.slice(n * 20, n * 20 + 20),
    );
    for (const path of missing ?? []) await rm(join(volume.path, path));
    for (const path of changed ?? []) await writeFile(join(volume.path, path), await jpeg(5));
    for (const path of corrupt ?? [])
      await spoil(path, async (file) => writeFile(file, flipped(await readFile(file))));
    for (const path of cut ?? []) await spoil(path, (file) => truncate(file, 1_000));
    for (const path of touched ?? []) await utimes(join(volume.path, path), new Date(), new Date());
    for (let n = 0; n < 20; n += 1)
      await writeFile(join(volume.path, `291/extra-${n}.jpg`), await jpeg(900 + n));

    const report = join(elsewhere.path, 'findings.jsonl');
    const full = await images('verify', '--report', report);
    expect(full).toMatchObject({
      code: 1,
      result: {
        findings: {
          missing: 20,
          'file-missing': 20,
          changed: 20,
          corrupt: 40,
          'database-differs': 60,
          touched: 20,
          extra: 20,
          'not-in-database': 20,
        },
      },
    });
    const lines = (await readFile(report, 'utf8')).trim().split('\n');
    const named = (kind: string): string[] =>
      lines
        .map((line) => JSON.parse(line))
        .filter((each) => each.kind === kind)
        .map(({ path }) => path);
    expect(named('missing').sort()).toEqual([...(missing ?? [])].sort());
    expect(named('corrupt').sort()).toEqual([...(corrupt ?? []), ...(cut ?? [])].sort());
    expect(named('changed').sort()).toEqual([...(changed ?? [])].sort());
    const kept = JSON.parse(await readFile(join(volume.path, '.samserver/verified.json'), 'utf8'));
    expect(kept).toMatchObject({ files: 300, mode: 'full', mismatched: 200 });

    const quick = await images('verify', '--quick', '--no-database');
    // Size and time do not show other bytes of the same length, and a new time is not always a change.
    expect(quick.result).toMatchObject({
      read: 0,
      findings: { missing: 20, changed: 40, corrupt: 20, extra: 20 },
    });
    const sample = await images('verify', '--sample', '50', '--no-database');
    expect(sample.result.read).toBeGreaterThan(90);
    expect(sample.result.read).toBeLessThan(190);
  });

  it('verify counts pictures that are newer than the manifest as new, not as extra', async () => {
    await writeOldPictures(volume.path, 10);
    const vehicleId = await newBox('291');
    await images('scan');
    await images('manifest');
    expect((await upload(service, { vehicleId, token, bytes: await jpeg(6) })).status).toBe(201);
    expect(await images('verify')).toMatchObject({
      code: 0,
      result: { files: 11, mismatched: 0, findings: { new: 1 } },
    });
  });

  it('backup updates a copy, restore copies it back, and both verify the result', async () => {
    const paths = await writeOldPictures(volume.path, 60);
    const backup = join(elsewhere.path, 'backup');
    expect(await images('backup', backup)).toMatchObject({
      code: 0,
      result: { copied: 60, kept: 0, verified: { read: 60 } },
    });
    expect(await images('backup', backup)).toMatchObject({ code: 0, result: { copied: 0, kept: 60 } });
    await rm(join(volume.path, paths[0] ?? ''));
    await writeFile(join(volume.path, paths[1] ?? ''), await jpeg(7));
    expect(await images('backup', backup)).toMatchObject({ code: 0, result: { copied: 1, kept: 58 } });
    // The copy was changed since: the size shows it, and the file is copied again.
    await truncate(join(backup, 'files', paths[2] ?? ''), 10);
    expect(await images('backup', backup)).toMatchObject({ code: 0, result: { copied: 1, kept: 58 } });
    expect((await images('backup', join(volume.path, 'inside'))).code).toBe(64);

    const restored = join(elsewhere.path, 'restored');
    expect(await images('restore', backup, '--to', restored)).toMatchObject({
      code: 0,
      result: { copied: 59, kept: 0 },
    });
    expect(await readFile(join(restored, '.samserver-volume'), 'utf8')).toBe(`${DEPLOYMENT_ID}\n`);
    const plain = (files: string[]): string[] => files.filter((file) => !file.startsWith('.samserver'));
    expect(plain(await filesBelow(restored))).toEqual(plain(await filesBelow(volume.path)));
    for (const path of paths.slice(1)) {
      const [one, other] = await Promise.all(
        [volume.path, restored].map((root) => readFile(join(root, path))),
      );
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
      const times = await Promise.all([volume.path, restored].map((root) => stat(join(root, path))));
      expect(Math.round(times[0]?.mtimeMs ?? 0)).toBe(Math.round(times[1]?.mtimeMs ?? 1));
    }
    expect(await images('restore', backup, '--to', restored)).toMatchObject({
      code: 0,
      result: { copied: 0, kept: 59 },
    });
  });

  it('restore replaces no other file, marks no incomplete directory, and mixes no deployments', async () => {
    const paths = await writeOldPictures(volume.path, 10);
    const backup = join(elsewhere.path, 'backup');
    await images('backup', backup);
    const target = join(elsewhere.path, 'target');
    await mkdir(join(target, paths[0]?.split('/').slice(0, -1).join('/') ?? ''), { recursive: true });
    await writeFile(join(target, paths[0] ?? ''), 'something else');
    expect(await images('restore', backup, '--to', target)).toMatchObject({
      code: 1,
      result: { findings: { 'in-the-way': 1 } },
    });
    expect(await readFile(join(target, paths[0] ?? ''), 'utf8')).toBe('something else');
    expect(await filesBelow(target)).not.toContain('.samserver-volume');
    expect(await images('restore', backup, '--to', target, '--replace')).toMatchObject({
      code: 0,
      result: { copied: 1 },
    });

    await writeFile(join(target, '.samserver-volume'), '00000000-3f55-4b83-9d2e-0d7c3b0f5a10\n');
    expect(await images('restore', backup, '--to', target)).toMatchObject({
      code: 1,
      output: expect.stringContaining('deployment'),
    });

    const broken = join(elsewhere.path, 'broken');
    await cp(backup, broken, { recursive: true, preserveTimestamps: true });
    const victim = join(broken, 'files', paths[3] ?? '');
    await writeFile(victim, flipped(await readFile(victim)));
    const half = join(elsewhere.path, 'half');
    expect(await images('restore', broken, '--to', half)).toMatchObject({
      code: 1,
      result: { findings: { corrupt: 1 } },
    });
    expect(await filesBelow(half)).not.toContain('.samserver-volume');
    await chmod(half, 0o700);
  });

  it('restore --replace mends a file whose bytes changed and whose size and time did not', async () => {
    const paths = await writeOldPictures(volume.path, 10);
    const backup = join(elsewhere.path, 'backup');
    await images('backup', backup);
    const [damaged = '', damagedTwice = ''] = paths;
    const original = await readFile(join(volume.path, damaged));
    const spoilt = flipped(original);
    const flip = async (file: string): Promise<void> => writeFile(file, flipped(await readFile(file)));
    await spoil(damaged, flip);
    expect(await images('restore', backup)).toMatchObject({
      code: 1,
      result: {
        copied: 0,
        kept: 10,
        findings: { corrupt: 1 },
        nextSteps: { corrupt: expect.stringContaining('--replace') },
      },
    });
    expect((await readFile(join(volume.path, damaged))).equals(spoilt)).toBe(true);
    expect(await images('restore', backup, '--replace')).toMatchObject({
      code: 0,
      result: { copied: 1, kept: 9, findings: {} },
    });
    expect((await readFile(join(volume.path, damaged))).equals(original)).toBe(true);

    // A copy that is damaged in the backup replaces nothing.
    const newest = flipped(await readFile(join(volume.path, damagedTwice)));
    await spoil(damagedTwice, flip);
    await writeFile(join(backup, 'files', damagedTwice), 'damaged copy');
    expect(await images('restore', backup, '--replace')).toMatchObject({ code: 1 });
    expect((await readFile(join(volume.path, damagedTwice))).equals(newest)).toBe(true);
  });

  async function spoil(path: string, how: (file: string) => Promise<void>): Promise<void> {
    const file = join(volume.path, path);
    const { atime, mtime } = await stat(file);
    await how(file);
    await utimes(file, atime, mtime);
  }

  async function listing(): Promise<unknown[]> {
    const files = (await filesBelow(volume.path)).filter((file) => !file.startsWith('.samserver'));
    return Promise.all(
      files.map(async (file) => [file, (await stat(join(volume.path, file)).catch(() => null))?.mtimeMs]),
    );
  }
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}
