import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { createConnection, type Connection, mongo } from 'mongoose';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommandLine } from '../../src/core/commands/index.js';
import { PLAIN_CODEC } from '../../src/migration/backups/backup-codec.js';
import { BackupDirectory, type BackupSet } from '../../src/migration/backups/backup-directory.js';
import { manifestText } from '../../src/migration/backups/backup-manifest.js';
import { CollectionsRepository } from '../../src/migration/backups/collections.repository.js';
import { dumpDatabase } from '../../src/migration/backups/dump-database.js';
import { backupCommand } from '../../src/migration/backups/backup.command.js';
import { withRunLock } from '../../src/migration/images/run-lock.js';
import { inspectBackup } from '../../src/migration/schema-contract.js';
import { temporaryDirectory } from '../support/child-process.js';
import { adminToken, call, newVehicle } from '../support/http.js';
import { until } from '../support/sockets.js';
import { JWT_SECRET, startTestService, type TestService } from '../support/test-service.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

const POSITIONS = 2_500;
const startMs = Date.now() - 3_600_000;

let database: TestDatabase;
let connection: Connection;
let vehicleId: string;
let writtenMs: number;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let backups: string;

interface Ran {
  readonly code: number;
  readonly errors: string;
  // Tests read the fields that they assert.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly result: any;
}

async function backup(args: readonly string[], env: Record<string, string> = {}): Promise<Ran> {
  let [output, errors] = ['', ''];
  const io = {
    env: { MONGODB_URL: database.url, JWT_SECRET, BACKUP_DIR: backups, ...env },
    stdout: { write: (text: string) => (output += text) },
    stderr: { write: (text: string) => (errors += text) },
    signal: new AbortController().signal,
  };
  const entry = { name: 'backup', summary: '', load: async () => backupCommand };
  const code = await runCommandLine(['backup', ...args, '--json'], io, [entry]);
  return { code, errors, result: output === '' ? null : JSON.parse(output) };
}

const other = (name: string): string => database.url.replace(/\/([^/?]+)(\?|$)/, `/${name}$2`);
const newest = async (): Promise<BackupSet> => new BackupDirectory(backups).find();

/** What users read. */
async function reads({ url }: { readonly url: string }): Promise<unknown[]> {
  const token = await adminToken({ url });
  const paths = ['vehicles?limit=500', `vehicles/${vehicleId}`, 'positions/live', 'users', 'audit'];
  const answers: unknown[] = [];
  for (const path of paths) answers.push((await call({ url }, 'GET', `/api/v1/${path}`, { token })).body);
  // Without the log-ins of these reads.
  const audit = answers.at(-1) as { readonly items: readonly { readonly at: string }[] };
  answers[answers.length - 1] = audit.items.filter(({ at }) => Date.parse(at) < writtenMs);
  for (let page = 0; page < 5; page += 1) {
    const from = new Date(startMs + page * 500_000).toISOString();
    const path = `/api/v1/vehicles/${vehicleId}/positions?limit=500&from=${from}`;
    answers.push((await call({ url }, 'GET', path, { token })).body);
  }
  return answers;
}

beforeAll(async () => {
  database = await startTestDatabase();
  const service = await startTestService({ MONGODB_URL: database.url });
  const token = await adminToken(service);
  const vehicle = await newVehicle(service, token);
  ({ vehicleId } = vehicle);
  for (let n = 0; n < POSITIONS; n += 500) {
    const positions = Array.from({ length: 500 }, (_, index) => ({
      ...{ lat: 48 + (n + index) * 1e-5, lon: 11 },
      time: new Date(startMs + (n + index) * 1_000).toISOString(),
    }));
    const answer = await call(service, 'POST', '/api/v1/positions', {
      token: vehicle.deviceToken,
      body: { positions },
    });
    expect(answer.status).toBe(200);
  }
  await service.stop();
  writtenMs = Date.now();
  connection = await createConnection(database.url, { retryWrites: false }).asPromise();
});
afterAll(async () => {
  await connection?.close();
  await database?.stop();
});
beforeEach(async () => {
  directory = await temporaryDirectory();
  backups = join(directory.path, 'backups');
});
afterEach(() => directory.remove());

describe('a backup', () => {
  it('is restored into an empty database with the same answers, and not into one that has something', async () => {
    const made = await backup(['run']);
    expect(made).toMatchObject({ code: 0, result: { result: 'made', isEncrypted: false } });
    expect(await backup(['verify'])).toMatchObject({ code: 0, result: { faults: [] } });
    const target = { MONGODB_URL: other('restored') };
    expect(await backup(['restore'], target)).toMatchObject({
      code: 0,
      result: { documents: made.result.documents },
    });
    const again = await backup(['restore'], target);
    expect([again.code, again.errors]).toEqual([
      1,
      expect.stringContaining('give --replace restored to delete'),
    ]);
    expect((await backup(['restore', '--replace', 'elsewhere'], target)).code).toBe(1);
    expect((await backup(['restore', '--replace', 'restored'], target)).code).toBe(0);
    const [before, after] = [
      await startTestService({ MONGODB_URL: database.url }),
      await startTestService(target),
    ];
    const expected = await reads(before);
    expect(await reads(after)).toEqual(expected);
    await before.stop();
    await after.stop();
  });

  it('is rehearsed in a database of its own, which is gone afterwards; the results are listed and recorded', async () => {
    await backup(['run']);
    await backup(['verify']);
    expect(await backup(['rehearse'])).toMatchObject({ code: 0, result: { result: 'rehearsed' } });
    const { result } = await backup(['list']);
    expect(result.sets).toMatchObject([
      { state: 'complete', verifyFaults: 0, rehearsalFault: null, rehearsedAt: expect.any(String) },
    ]);
    const scratch = connection.useDb(`${connection.name}_rehearsal`).db as mongo.Db;
    expect(await scratch.listCollections().toArray()).toEqual([]);
    const service = await startTestService({ MONGODB_URL: database.url, BACKUP_DIR: backups });
    const token = await adminToken(service);
    await until(async () => {
      const { body } = await call(service, 'GET', '/ready', { token });
      return typeof body.checks.backlogs.detail.backups?.rehearsed === 'string';
    }, '/ready');
    await service.stop();
  });

  it('is encrypted with a key file, and readable only with the identity', async () => {
    const identity = await generateX25519Identity();
    const [keys, recipients] = [join(directory.path, 'keys'), join(directory.path, 'recipients')];
    await writeFile(keys, `# created for a test\n${identity}\n`);
    await writeFile(recipients, `${await identityToRecipient(identity)}\n`);
    const made = await backup(['run'], { BACKUP_AGE_PATH: recipients });
    expect(made).toMatchObject({ code: 0, result: { isEncrypted: true } });
    const set = await newest();
    for (const file of await set.partFiles()) {
      expect(file).toMatch(/\.bson\.gz\.age$/);
      expect((await readFile(set.path(file))).subarray(0, 21).toString()).toBe('age-encryption.org/v1');
    }
    expect((await backup(['verify'])).code).toBe(64);
    // Without the identity: the files, not their content.
    expect((await backup(['verify'], { BACKUP_AGE_PATH: recipients })).code).toBe(0);
    const unreadable = await backup(['rehearse'], { BACKUP_AGE_PATH: recipients });
    expect([unreadable.code, unreadable.errors]).toEqual([64, expect.stringContaining('has no identity')]);
    expect((await backup(['rehearse'], { BACKUP_AGE_PATH: keys })).code).toBe(0);
    const otherKey = join(directory.path, 'other');
    await writeFile(otherKey, await generateX25519Identity());
    expect(await backup(['verify'], { BACKUP_AGE_PATH: otherKey })).toMatchObject({ code: 1 });
    expect(await readdir(set.directory)).not.toContain('progress.jsonl');
  });

  it('names a flipped bit, a missing, a swapped and an additional file, and is not restored then', async () => {
    await backup(['run']);
    const set = await newest();
    const parts = (await set.partFiles()).filter((name) => name.endsWith('.gz'));
    const [flipped = '', swapped = '', copied = '', missing = ''] = parts;
    const bytes = await readFile(set.path(flipped));
    bytes.writeUInt8(bytes.readUInt8(20) ^ 1, 20);
    await writeFile(set.path(flipped), bytes);
    await copyFile(set.path(copied), set.path(swapped));
    await rm(set.path(missing));
    await writeFile(set.path('additional'), '');
    const { code, result } = await backup(['verify']);
    expect(code).toBe(1);
    expect(result.faults).toEqual([
      expect.stringMatching(new RegExp(`^${flipped}: is damaged`)),
      `${swapped}: has the content of ${copied}`,
      `${missing}: is missing`,
      'additional: is not in the manifest',
    ]);
    const refused = await backup(['restore'], { MONGODB_URL: other('damaged') });
    expect([refused.code, refused.errors]).toEqual([1, expect.stringContaining('is damaged')]);
    const untouched = connection.useDb('damaged').db as mongo.Db;
    expect(await untouched.listCollections().toArray()).toEqual([]);
    expect((await backup(['rehearse'])).code).toBe(1);
    const { result: listed } = await backup(['list']);
    expect(listed.sets[0].rehearsalFault).toMatch(/is damaged/);
  });

  it('refuses a manifest that was changed, that is of a later release, or that names a file elsewhere', async () => {
    await backup(['run']);
    const set = await newest();
    const text = await readFile(set.path('manifest.json'), 'utf8');
    const manifest = await set.manifest();
    const [first, ...rest] = manifest.collections;
    const changes: readonly [string, RegExp][] = [
      [text.replace('"documents": ', '"documents": 1'), /its sum differs/],
      [text.slice(0, 100), /is not JSON/],
      [manifestText({ ...manifest, format: 2 }), /has format 2; this release reads up to 1/],
      [
        manifestText({ ...manifest, collections: [{ ...first, name: '../etc' } as never, ...rest] }),
        /unusable name/,
      ],
      [
        manifestText({
          ...manifest,
          collections: [
            { ...first, parts: [{ ...first?.parts[0], file: '../../etc/passwd' }] } as never,
            ...rest,
          ],
        }),
        /part 1 is unusable/,
      ],
      [manifestText({ ...manifest, schemaVersion: 9_999 }), /schema 9999; this release supports up to/],
    ];
    for (const [changed, why] of changes) {
      await writeFile(set.path('manifest.json'), changed);
      const refused = await backup(['restore'], { MONGODB_URL: other('hostile') });
      expect([refused.code, refused.errors]).toEqual([1, expect.stringMatching(why)]);
    }
    await rm(set.path('manifest.json'));
    expect((await backup(['restore', set.name], { MONGODB_URL: other('hostile') })).code).toBe(69);
    expect((await backup(['list'])).result.sets).toMatchObject([{ state: 'incomplete' }]);
  });
});

describe('a run', () => {
  const dump = (set: BackupSet, signal: AbortSignal, onProgress: () => void) =>
    dumpDatabase(
      set,
      new CollectionsRepository(connection.db as mongo.Db),
      { database: 'x', deploymentId: null, schemaVersion: 1, release: '0.1.0', pictures: null },
      {
        ...{ codec: PLAIN_CODEC, old: [], pauseFactor: 0, partBytes: 50_000, signal, onProgress },
        now: () => Promise.resolve(new Date()),
      },
    );

  it('that was stopped continues behind its last complete part: each document once', async () => {
    const set = await new BackupDirectory(backups).create('20261201T000000Z');
    const stop = new AbortController();
    let parts = 0;
    const stopped = dump(set, stop.signal, () => {
      parts += 1;
      if (parts === 12) stop.abort();
    });
    await expect(stopped).rejects.toThrow(/abort/i);
    await expect(set.manifest()).rejects.toThrow(/is not complete/);
    const whole = await set.partFiles();
    // What a kill leaves.
    await writeFile(set.path('positions.000099.bson.gz.tmp'), 'half');
    await writeFile(set.path('progress.jsonl'), '{"kind":"par', { flag: 'a' });
    const manifest = await dump(set, new AbortController().signal, () => undefined);
    const positions = manifest.collections.find(({ name }) => name === 'positions');
    expect(positions).toMatchObject({ documents: POSITIONS });
    expect(positions?.parts.length).toBeGreaterThan(2);
    expect(await set.partFiles()).toEqual(expect.arrayContaining(whole));
    expect(await backup(['verify', set.name])).toMatchObject({ code: 0, result: { faults: [] } });
  });

  it('of a collection with ids of several types has each document', async () => {
    const mixed = connection.collection('mixed_ids');
    const ids = [1, 2, 'a', new mongo.ObjectId(), new Date()];
    await mixed.insertMany(ids.map((_id) => ({ _id })) as never);
    const set = await new BackupDirectory(backups).create('20261201T000001Z');
    const manifest = await dump(set, new AbortController().signal, () => undefined);
    expect(manifest.collections.find(({ name }) => name === 'mixed_ids')?.documents).toBe(ids.length);
    await mixed.deleteMany({});
  });

  it('is refused while another one works in the directory', async () => {
    await mkdir(backups);
    await withRunLock(
      backups,
      () => undefined,
      async () => {
        const refused = await backup(['run']);
        expect([refused.code, refused.errors]).toEqual([
          75,
          expect.stringContaining('another samserver command'),
        ]);
      },
    );
  });
});

describe('an unfinished restore', () => {
  it('keeps a service from starting, and is begun again by the same command', async () => {
    await backup(['run']);
    const url = other('unfinished');
    const target = new CollectionsRepository(connection.useDb('unfinished').db as mongo.Db);
    await target.beginRestore('20261201T000000Z');
    await connection.useDb('unfinished').collection('positions').insertOne({ half: true });
    let service: TestService | null = null;
    const starting = startTestService({ MONGODB_URL: url }).then((started) => (service = started));
    // Not awaited: it is ready when the restore is done.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(service).toBeNull();
    expect((await backup(['restore'], { MONGODB_URL: url })).code).toBe(0);
    await starting;
    await (service as TestService | null)?.stop();
  });
});

it('prune keeps the newest complete backups, and the newest one always', async () => {
  const root = new BackupDirectory(backups);
  for (const name of ['20261101T000000Z', '20261102T000000Z', '20261103T000000Z']) await root.create(name);
  await backup(['run']);
  const { name } = await newest();
  const dry = await backup(['prune', '--keep', '1', '--dry-run']);
  expect(dry.result.deleted).toHaveLength(3);
  expect(await readdir(backups)).toHaveLength(4);
  await backup(['prune', '--keep', '1']);
  expect(await readdir(backups)).toEqual([name]);
});

it('counts as the backup that the move and a contract step ask for, when it is complete', async () => {
  const root = new BackupDirectory(backups);
  const { directory: incomplete } = await root.create('20261101T000000Z');
  await writeFile(join(incomplete, 'positions.000001.bson.gz'), 'half');
  expect(await inspectBackup(backups)).toEqual({ kind: 'empty' });
  await backup(['run']);
  const { madeAt } = await (await newest()).manifest();
  const found = { kind: 'found', changedAtMs: Date.parse(madeAt) };
  expect(await inspectBackup(backups)).toEqual(found);
  expect(await inspectBackup((await newest()).directory)).toEqual(found);
});
