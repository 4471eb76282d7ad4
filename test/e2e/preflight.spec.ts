import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createConnection } from 'mongoose';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { loadSettings } from '../../src/config/index.js';
import type { Check } from '../../src/migration/preflight/check.js';
import { freePorts, type Ports, Program } from '../support/child-process.js';
import { OldMachine } from '../support/old-machine.js';
import { describeWithRedis, RedisServer } from '../support/redis.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

const REDIS_PASSWORD = 'redis-pass-83#%/x';
/** Every secret of the recordings, in each form in which a report could show it. */
const SECRETS = [
  'pass-in-pm2-71',
  'query-secret-72',
  'redis-pass-73',
  'AAAA-fcm-server-key-74',
  'AIza-map-key-75',
  'unknown-secret-76',
  'redis-pass-83',
  'AAAA-fcm-server-key-84',
  'AIza-map-key-85',
  'short-jwt-86',
  'unknown-secret-87',
  'query-secret-88',
];

interface Report {
  readonly mayStart: boolean;
  readonly blocking: readonly string[];
  readonly checks: readonly (Check & { readonly title: string })[];
  readonly settings: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly shown: string | null;
  }[];
  readonly files: readonly string[];
}

interface Outcome {
  readonly code: number | null;
  readonly report: Report;
  /** `status: seen` of a check. */
  readonly of: (id: string) => string;
}

let database: TestDatabase;
let redis: RedisServer;
let ports: Ports;
const machines: OldMachine[] = [];
const fill = async (url: string): Promise<void> => {
  const connection = await createConnection(url, { autoIndex: false, autoCreate: false }).asPromise();
  const { db } = connection;
  for (const name of ['ambulances', 'aoc_requests', 'ambulance_crashes', 'ambulance_tracking_histories'])
    await db?.collection(name).insertOne({ name1: name });
  for (const name of ['ambulance_trackings', 'ambulance_images', 'ambulance_image_histories'])
    await db?.collection(name).createIndex({ ambulance_id: 1 });
  await connection.close();
};

async function make(name: string, pictureZone = 'UTC'): Promise<OldMachine> {
  const values = { MONGODB_URL: database.url, REDIS_PORT: String(redis.port), REDIS_PASSWORD };
  const machine = await OldMachine.make(name, { values, pictureZone });
  machines.push(machine);
  return machine;
}

/** Options of every run. The ports are free, and no other log is read. */
const OPTIONS = (machine: OldMachine): string[] => [
  ...['--access-log', join(machine.root, 'access-log.txt')],
  ...['--http-port', String(ports.http), '--socket-port', String(ports.socket)],
];

const start = (machine: OldMachine, ...args: readonly string[]): Program =>
  Program.start(
    'cli.js',
    ['preflight', ...OPTIONS(machine), ...args],
    { PATH: machine.path, PM2_HOME: machine.home },
    machine.root,
  );

function expectNoSecret(text: string): void {
  for (const secret of SECRETS) expect(text).not.toContain(secret);
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
}

/** The exit code and the report as JSON. */
async function run(machine: OldMachine, ...args: readonly string[]): Promise<Outcome> {
  const program = start(machine, '--json', ...args);
  const { code } = await program.exited;
  expectNoSecret(program.output);
  const report = JSON.parse(program.output.slice(program.output.indexOf('{'))) as Report;
  const of = (id: string): string => {
    const check = report.checks.find((each) => each.id === id);
    return `${check?.status}: ${check?.seen}`;
  };
  return { code, report, of };
}

/** The same report as Markdown. */
async function markdownOf(machine: OldMachine, ...args: readonly string[]): Promise<string> {
  const program = start(machine, '--sample', '0', ...args);
  await program.exited;
  expectNoSecret(program.output);
  expect(program.output).toContain('# Preflight');
  return program.output;
}

describeWithRedis('samserver preflight', () => {
  beforeAll(async () => {
    database = await startTestDatabase();
    redis = await RedisServer.start(['--requirepass', REDIS_PASSWORD]);
    ports = await freePorts();
    await fill(database.url);
  });
  afterAll(async () => {
    for (const machine of machines) await machine.remove();
    await redis.stop();
    await database.stop();
  });

  it('the recordings contain every secret that the reports must not have', async () => {
    const directory = join(import.meta.dirname, '../old-machines');
    const names = (await readdir(directory, { recursive: true })).filter((each) =>
      /\.(json|pm2|txt)$/.test(each),
    );
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
    const all = [...texts, REDIS_PASSWORD].join('\n');
    for (const secret of SECRETS) expect(all).toContain(secret);
  });

  describe('fork mode, nginx in front', () => {
    let machine: OldMachine;
    let outcome: Outcome;
    let markdown: string;
    const arguments_ = (): string[] => [
      '--time-zone',
      'UTC',
      '--probe-writes',
      '--write',
      join(machine.root, 'out'),
    ];
    beforeAll(async () => {
      machine = await make('fork-mode');
      await machine.startDaemon();
      markdown = await markdownOf(machine, '--time-zone', 'UTC', '--probe-writes');
      outcome = await run(machine, '--sample', '1', '--admin-email', 'ops@example.test', ...arguments_());
    });

    it('may start, and says so in both forms', () => {
      expect([outcome.report.blocking, outcome.code]).toEqual([[], 0]);
      expect(outcome.report.mayStart).toBe(true);
      expect(markdown).toContain('The next phase **may start**.');
    });

    it('reads the running PM2 once for each run', async () => {
      expect(outcome.of('old.source')).toMatch(/^ok: 1 process in pm2 jlist/);
      expect(outcome.of('old.process')).toMatch(/^ok: tracking online, pid 3669021, up 7 d/);
      expect(outcome.of('old.mode')).toBe('ok: fork mode, 1 process');
      expect(outcome.of('old.memory')).toBe('ok: 132 MB, limit 1074 MB');
      expect(outcome.of('old.ports')).toMatch(/^ok: 5000: node .*pid 3669021/);
      expect(await machine.pm2Calls()).toBe(2);
    });

    it('sees no client that bypasses nginx, and the rates behind it', () => {
      expect(outcome.of('traffic.direct')).toMatch(
        /^ok: none from other machines; 5000 from this machine in [1-9]/,
      );
      expect(outcome.of('traffic.proxied')).toMatch(/\d+ positions from 3 addresses, \d+\.\d a minute/);
    });

    it('looks at the database, Redis, disk and pictures', () => {
      expect(outcome.of('database.connection')).toMatch(/^warning: database samserver_test_\w+, one server/);
      expect(outcome.of('database.rights')).toMatch(/^ok: .*probe: a write of each kind succeeded/);
      expect(outcome.of('database.collections')).toMatch(
        /^ok: .*ambulance_trackings: 0 documents, _id, ambulance_id/,
      );
      expect(outcome.of('database.clock')).toMatch(/^ok: /);
      expect(outcome.of('redis')).toMatch(/^ok: redis:\/\/127\.0\.0\.1:\d+ answers, version/);
      expect(outcome.of('machine.pictures')).toMatch(/^ok: .*2 boxes/);
      expect(outcome.of('machine.time_zone')).toMatch(
        /^ok: UTC \(--time-zone\); the newest folders of 2 boxes fit/,
      );
      expect(outcome.of('front.outside')).toMatch(/^not checked: /);
    });

    it('maps every setting, and shows values of known names only', () => {
      const rows = new Map(outcome.report.settings.map((each) => [each.name, each]));
      expect(rows.get('ENVIRONMENT')).toMatchObject({ outcome: 'kept', shown: 'LIVE' });
      expect(rows.get('MONGODB_LIVE_URL')).toMatchObject({
        outcome: 'renamed',
        shown: database.url.replace(/\?.*/, ''),
      });
      expect(rows.get('LIVE_REDIS_PASSWORD')).toMatchObject({ outcome: 'replaced', shown: null });
      expect(rows.get('FCM_SERVER_KEY')).toMatchObject({ outcome: 'dead', shown: null });
      expect(rows.get('S3_UPLOAD_KEY')).toMatchObject({ outcome: 'unknown', shown: null });
      expect(rows.get('OPS_TOKEN')).toMatchObject({ outcome: 'missing', shown: null });
      expect(outcome.of('settings.unknown')).toBe('warning: 1: S3_UPLOAD_KEY');
    });

    it('writes settings with which the service starts, readable by their owner only', async () => {
      const text = await readFile(join(machine.root, 'out/.env'), 'utf8');
      const env = parseEnv(text) as Record<string, string>;
      const { settings } = loadSettings(env);
      expect(settings.mongo.url).toBe(database.url);
      expect(settings.redis.url).toBe(
        `redis://:${encodeURIComponent(REDIS_PASSWORD)}@127.0.0.1:${redis.port}`,
      );
      expect(settings.images.directory).toBe(machine.pictures);
      expect(settings.legacy.timeZone).toBe('UTC');
      expect(settings.legacy.role).toBe('old');
      const secret = await readFile(join(machine.root, 'out/secrets/legacy_mirror_secret'), 'utf8');
      expect(settings.legacy.mirror.secret).toBe(secret.trim());
      expect(settings.auth.firstAdmin?.email).toBe('ops@example.test');
      for (const path of outcome.report.files) expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect((await stat(join(machine.root, 'out/secrets'))).mode & 0o777).toBe(0o700);
      for (const secret of SECRETS) expect(text).not.toContain(secret);
      // The values that were made are secrets as well.
      const token = (await readFile(join(machine.root, 'out/secrets/ops_token'), 'utf8')).trim();
      expect(JSON.stringify(outcome.report)).not.toContain(token);
    });

    it('replaces no file without --force, and writes nothing with --dry-run', async () => {
      const before = await readFile(join(machine.root, 'out/.env'), 'utf8');
      const token = await readFile(join(machine.root, 'out/secrets/ops_token'), 'utf8');
      await writeFile(join(machine.root, 'out/.env'), `${before}# by hand\n`);
      const again = start(machine, '--sample', '0', ...arguments_());
      expect((await again.exited).code).toBe(1);
      expect(again.output).toMatch(/\.env exists; --force replaces it/);
      expect(await readFile(join(machine.root, 'out/.env'), 'utf8')).toBe(`${before}# by hand\n`);
      expect(await readFile(join(machine.root, 'out/secrets/ops_token'), 'utf8')).toBe(token);
      const dry = join(machine.root, 'dry');
      await run(machine, '--sample', '0', '--time-zone', 'UTC', '--dry-run', '--write', dry);
      await expect(stat(dry)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('does not write where other accounts could replace the files, nor through a link', async () => {
      const open = join(machine.root, 'open');
      await mkdir(open);
      await chmod(open, 0o777);
      const link = join(machine.root, 'link');
      await rm(link, { force: true });
      await symlink(join(machine.root, 'out'), link);
      const before = await readFile(join(machine.root, 'out/.env'), 'utf8');
      for (const directory of [open, link]) {
        const written = ['--write', directory, '--force'];
        const refused = await run(machine, '--sample', '0', '--time-zone', 'UTC', ...written);
        expect([refused.code, refused.of('settings.files')]).toEqual([
          1,
          expect.stringMatching(/^failed: none/),
        ]);
      }
      expect(await readdir(open)).toEqual([]);
      expect(await readFile(join(machine.root, 'out/.env'), 'utf8')).toBe(before);
    });
  });

  it('cluster mode: warns of the workers and of unstable restarts', async () => {
    const machine = await make('cluster-mode');
    await machine.startDaemon();
    const { of } = await run(machine, '--sample', '0', '--time-zone', 'UTC');
    expect(of('old.mode')).toBe('warning: cluster mode, 2 processes');
    expect(of('old.restarts')).toBe('warning: 12 restarts in 365 days, 5 of them unstable');
    expect(of('old.ports')).toMatch(/^ok: 5000: PM2/);
    expect(await markdownOf(machine)).toContain('cluster mode, 2 processes');
  });

  it('wrong time zone, from a dump: forbids the next phase, and starts no PM2', async () => {
    const machine = await make('wrong-time-zone', 'UTC');
    const { code, of, report } = await run(machine, '--sample', '0', '--probe-writes');
    expect(of('machine.time_zone')).toMatch(
      /^failed: Asia\/Bangkok \(TZ of the old server\); .* 7 h earlier/,
    );
    expect([code, report.blocking]).toEqual([1, ['old.process', 'machine.time_zone']]);
    expect(of('old.process')).toMatch(/^not checked: at the time of pm2 save: tracking online/);
    expect(of('old.source')).toMatch(/^warning: 1 process in .*dump\.pm2; the running PM2 was not asked: /);
    expect(await machine.pm2Calls()).toBe(0);
    expect(await markdownOf(machine)).toContain('| **failed** | Asia/Bangkok (TZ of the old server)');
    // With the zone of the folders.
    const right = await run(machine, '--sample', '0', '--probe-writes', '--time-zone', 'UTC');
    expect(right.report.blocking).toEqual(['old.process']);
  });

  it('restart by the clock, watcher, secrets in the environment, and a database that does not answer', async () => {
    const machine = await make('cron-and-watch');
    await machine.startDaemon();
    const { code, of, report } = await run(machine, '--sample', '0', '--time-zone', 'UTC');
    expect(of('old.cron')).toMatch(/^warning: restarts at "0 4 \* \* \*"/);
    expect(of('old.watch')).toBe(`warning: PM2 watches ${machine.root}/app/server`);
    expect(of('old.restarts')).toMatch(/^warning: 914 restarts in 365 days/);
    expect(of('database.connection')).toMatch(
      /^failed: mongodb:\/\/db\.example\.test:27017\/aoc is not reachable/,
    );
    expect(code).toBe(1);
    const url = report.settings.find(({ name }) => name === 'MONGODB_LIVE_URL');
    expect(url?.shown).toBe('mongodb://db.example.test:27017/aoc');
    expect(report.settings.map(({ name }) => name)).not.toContain('SSH_CLIENT');
    expect(await markdownOf(machine)).toContain('mongodb://db.example.test:27017/aoc is not reachable');
  });

  it('a picture folder of another user with mode 0700 forbids the next phase', async () => {
    const machine = await make('fork-mode');
    await machine.startDaemon();
    await chmod(machine.pictures, 0o700);
    const user = ['--time-zone', 'UTC', '--probe-writes', '--uid', '4321'];
    const { code, of, report } = await run(machine, '--sample', '0', ...user);
    expect(of('machine.pictures')).toMatch(/^failed: .*uid 4321, gid 4321/);
    expect([code, report.blocking]).toEqual([1, ['machine.pictures']]);
    expect(await markdownOf(machine, ...user)).toContain('must not start');
  });

  it('boxes that bypass nginx are named with their port', async () => {
    const machine = await make('direct-boxes');
    await machine.startDaemon();
    const { code, of } = await run(machine, '--sample', '1', '--time-zone', 'UTC', '--probe-writes');
    expect(of('traffic.direct')).toMatch(
      /^warning: 2 to 5000: 198\.51\.100\.23, 198\.51\.100\.24; 1 to 5050: 198\.51\.100\.99;/,
    );
    expect(code).toBe(0);
    expect(await markdownOf(machine, '--sample', '1')).toContain('198.51.100.23');
  });

  it('ends in order when it is interrupted', async () => {
    const machine = await make('fork-mode');
    await machine.startDaemon();
    const program = start(machine, '--sample', '600');
    await program.waitForOutput(/looking at connections for 600 s/);
    expect((await program.kill('SIGINT')).code).toBe(130);
  });

  it('bounds programs that print without end or never end', async () => {
    const machine = await make('fork-mode');
    await machine.startDaemon();
    await writeFile(join(machine.root, 'bin/pm2'), '#!/bin/sh\nexec yes "[[[[\u001b[31m"\n');
    await writeFile(join(machine.root, 'bin/docker'), '#!/bin/sh\nsleep 300 & wait\n');
    const { code, of } = await run(machine, '--sample', '0', '--time-zone', 'UTC');
    expect(of('old.source')).toMatch(/^failed: pm2: more than \d+ bytes of output/);
    expect(of('machine.engine')).toBe('failed: docker: no answer within 10 s');
    expect(code).toBe(1);
  });
});
