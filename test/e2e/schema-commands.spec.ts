import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Connection, createConnection } from 'mongoose';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SchemaState, SchemaStateRepository, MIGRATIONS } from '../../src/database/index.js';
import {
  freePorts,
  Program,
  startDatabase,
  startProcess,
  temporaryDirectory,
} from '../support/child-process.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let connection: Connection;
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
beforeEach(async () => {
  directory = await temporaryDirectory();
  database = await startTestDatabase();
  connection = await createConnection(database.url, { autoIndex: false, autoCreate: false }).asPromise();
});
afterEach(async () => {
  await connection.close();
  await database.stop();
  await directory.remove();
});

async function samserver(
  line: string,
  env: Record<string, string> = {},
): Promise<{ code: number | null; output: string }> {
  const program = Program.start('cli.js', line.split(' '), {
    MONGODB_URL: database.url,
    JWT_SECRET: 'a test secret that is long enough for HS256',
    ...env,
  });
  const { code } = await program.exited;
  return { code, output: program.output };
}

const state = (): Promise<SchemaState> => new SchemaStateRepository(connection).find();

describe('samserver schema', () => {
  it('prints the plan, runs it, and prints the result', async () => {
    expect(await samserver('schema status')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^schema 0; .*too old\nlock: free\nstep 1 .*: pending/),
    });
    const planned = await samserver('schema up --dry-run');
    expect(planned).toMatchObject({ code: 0, output: expect.stringContaining('would run step 1') });
    expect((await state()).epoch).toBe(0);

    const done = await samserver('schema up');
    expect(done).toMatchObject({ code: 0, output: expect.stringContaining('ran step 1') });
    expect(await samserver('schema up')).toMatchObject({
      code: 0,
      output: expect.stringContaining('nothing to run'),
    });
    const { code, output } = await samserver('schema status --json');
    expect([code, JSON.parse(output)]).toEqual([
      0,
      expect.objectContaining({ current: MIGRATIONS.length, fit: 'fits', failed: null }),
    ]);
    expect(await samserver('schema contract')).toMatchObject({
      code: 0,
      output: expect.stringContaining('nothing to contract'),
    });
  });

  it('ends with the exit code of the error', async () => {
    expect((await samserver('schema')).code).toBe(64);
    expect((await samserver('schema up --force')).code).toBe(64);
    const away = { MONGODB_URL: 'mongodb://127.0.0.1:9/samserver', MONGODB_TIMEOUT_MS: '300' };
    const unreachable = await samserver('schema up', away);
    expect(unreachable).toMatchObject({ code: 69, output: expect.stringContaining('not reachable') });
    expect(unreachable.output).not.toMatch(/^\s+at /m);
    const wrong = await samserver('schema up', { HTTP_PORT: 'x', SCHEMA_ON_START: 'y' });
    expect(wrong).toMatchObject({
      code: 78,
      output: expect.stringMatching(/HTTP_PORT[\s\S]*SCHEMA_ON_START/),
    });
  });

  it('ends with 75 when another process holds the lock for too long, and names the holder', async () => {
    expect(await new SchemaStateRepository(connection).acquire('process-1', 60_000)).not.toBeNull();
    const { code, output } = await samserver('schema up --wait 0');
    expect([code, output]).toEqual([75, expect.stringContaining('process-1 holds the lock')]);
    const status = await samserver('schema status');
    expect(status.output).toMatch(/lock: held by process-1 until .* by the database's clock/);
  });

  it('refuses the embedded database while a service uses it', async () => {
    const path = join(directory.path, 'db');
    const { program: serving } = await startDatabase(path);
    const { code, output } = await samserver('schema up', {
      MONGODB_URL: '',
      JWT_SECRET: '',
      DATA_DIR: directory.path,
    });
    expect([code, output]).toEqual([69, expect.stringContaining('already served by another process')]);
    await serving.kill('SIGTERM');
  });
});

describe('samserver init', () => {
  it('writes one id into database and volume, and reports an existing one', async () => {
    const volume = join(directory.path, 'pictures');
    const env = { IMAGE_DIR: volume };
    expect(await samserver('init', env)).toMatchObject({
      code: 1,
      output: expect.stringContaining(`IMAGE_DIR: ${volume} is no directory`),
    });
    await mkdir(volume);
    expect(await samserver('init --dry-run', env)).toMatchObject({
      code: 0,
      output: expect.stringContaining('would write'),
    });
    expect(await readdir(volume)).toEqual([]);

    expect((await samserver('init', env)).code).toBe(0);
    const id = (await readFile(join(volume, '.samserver-volume'), 'utf8')).trim();
    const documents = await connection.db?.collection('deployment').find({}).toArray();
    expect(documents).toEqual([{ _id: 'deployment', id }]);
    expect(await readdir(volume)).toEqual(['.samserver-volume']);
    expect(await samserver('init', env)).toMatchObject({ code: 0, output: `done already: ${id}\n` });
  });

  it('copies an id that exists in one place only, and refuses two different ones by name', async () => {
    const [first, second] = [join(directory.path, 'one'), join(directory.path, 'two')];
    await Promise.all([mkdir(first), mkdir(second)]);
    const id = '6f9c5b0e-7a0d-4d0c-9d3c-0d9f4c9a1b2c';
    await writeFile(join(first, '.samserver-volume'), `${id}\n`);
    expect((await samserver('init', { IMAGE_DIR: first })).code).toBe(0);
    expect((await samserver('init', { IMAGE_DIR: second })).code).toBe(0);
    expect(await readFile(join(second, '.samserver-volume'), 'utf8')).toBe(`${id}\n`);

    const other = id.replaceAll('c', 'd');
    await writeFile(join(second, '.samserver-volume'), other);
    const { code, output } = await samserver('init', { IMAGE_DIR: second });
    expect(code).toBe(1);
    expect(output).toContain(`database ${connection.name} is ${id}`);
    expect(output).toContain(`${join(second, '.samserver-volume')} is ${other}`);
    expect(await readFile(join(second, '.samserver-volume'), 'utf8')).toBe(other);

    await writeFile(join(second, '.samserver-volume'), 'something else');
    expect((await samserver('init', { IMAGE_DIR: second })).output).toContain(
      'does not contain a deployment id',
    );
  });

  it('changes nothing on the embedded database, which creates its id at the first start', async () => {
    const env = { DATA_DIR: directory.path };
    const service = await startProcess(await freePorts(), env);
    await service.kill('SIGTERM');
    expect(await samserver('init', { ...env, MONGODB_URL: '', JWT_SECRET: '' })).toMatchObject({
      code: 0,
      output: expect.stringContaining('done already'),
    });
  });
});
