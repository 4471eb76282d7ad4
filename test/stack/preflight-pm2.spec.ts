import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Check } from '../../src/migration/preflight/check.js';
import { freePorts, type Ports, Program } from '../support/child-process.js';
import { OldDatabase } from '../support/old-database.js';
import { until } from '../support/sockets.js';
import { startTestDatabase, type TestDatabase } from '../support/test-database.js';

const TOOLS = resolve('test/stack/pm2');
const PM2 = join(TOOLS, 'node_modules/.bin/pm2');
const SERVER = resolve('test/old-server/serve.mjs');
const SECRET = 'unknown-secret-91';
const run = promisify(execFile);

const isInstalled = existsSync(PM2);
if (!isInstalled) {
  const why = 'PM2 is missing; install it with: npm ci --ignore-scripts --prefix test/stack/pm2';
  if (process.env['CI'] === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
}

/** The old server of the tests under the real PM2. */
(isInstalled ? describe : describe.skip)('samserver preflight with PM2', () => {
  let root: string;
  let home: string;
  let database: TestDatabase;
  let old: Ports;
  let target: Ports;
  const pm2 = (...args: readonly string[]) =>
    run(process.execPath, [PM2, ...args], {
      cwd: join(root, 'server'),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: root,
        PM2_HOME: home,
        ENVIRONMENT: 'LIVE',
        MONGODB_LIVE_URL: database.url,
        SMTP_LOGIN: SECRET,
        OLD_MONGODB_URL: database.url,
        OLD_HTTP_PORT: String(old.http),
        OLD_SOCKET_PORT: String(old.socket),
      },
    });
  const preflight = async (): Promise<{ output: string; of: (id: string) => string }> => {
    const ports = ['--old-http-port', String(old.http), '--old-socket-port', String(old.socket)];
    const own = ['--http-port', String(target.http), '--socket-port', String(target.socket)];
    const options = [...ports, ...own, '--on-host', '--sample', '0', '--pm2', PM2, '--json'];
    const program = Program.start('cli.js', ['preflight', ...options], { HOME: root, PM2_HOME: home }, root);
    await program.exited;
    const { output } = program;
    expect(output).not.toContain(SECRET);
    const { checks } = JSON.parse(output.slice(output.indexOf('{'))) as { checks: Check[] };
    const of = (id: string): string => {
      const check = checks.find((each) => each.id === id);
      return `${check?.status}: ${check?.seen}`;
    };
    return { output, of };
  };

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'preflight-pm2-'));
    home = join(root, '.pm2');
    await mkdir(join(root, 'server'));
    database = await startTestDatabase();
    [old, target] = [await freePorts(), await freePorts()];
    const shared = await OldDatabase.open(database.url);
    await shared.addAmbulance('291');
    await shared.close();
    await pm2(
      'start',
      SERVER,
      '--name',
      'tracking',
      '--max-memory-restart',
      '1G',
      '--cron-restart',
      '0 4 * * *',
    );
    const url = `http://127.0.0.1:${old.http}/`;
    await until(
      () =>
        fetch(url).then(
          ({ ok }) => ok,
          () => false,
        ),
      'the old server',
    );
  });
  afterAll(async () => {
    await pm2('kill');
    await database.stop();
    await rm(root, { recursive: true, force: true });
  });

  it('reads the running PM2 and does not disturb it', async () => {
    const pid = await readFile(join(home, 'pm2.pid'), 'utf8');
    const { of } = await preflight();
    expect(of('old.source')).toMatch(/^ok: 1 process in pm2 jlist/);
    expect(of('old.process')).toMatch(/: tracking online, pid \d+, up 0 min, node /);
    expect(of('old.mode')).toBe('ok: fork mode, 1 process');
    expect(of('old.restarts')).toBe('ok: 0 restarts in 1 day, 0 of them unstable');
    expect(of('old.memory')).toMatch(/^ok: \d+ MB, limit 1074 MB$/);
    expect(of('old.cron')).toMatch(/^warning: restarts at "0 4 \* \* \*"/);
    expect(of('old.ports')).toMatch(new RegExp(`^ok: ${old.http}: node`));
    expect(of('settings.unknown')).toMatch(/SMTP_LOGIN/);
    expect(await readFile(join(home, 'pm2.pid'), 'utf8')).toBe(pid);
  });

  it('sees a restart', async () => {
    await pm2('restart', 'tracking');
    expect((await preflight()).of('old.restarts')).toMatch(/^ok: 1 restarts/);
  });

  it('reads the dump after PM2 was stopped, and starts no daemon', async () => {
    await pm2('save');
    await pm2('kill');
    const { of } = await preflight();
    expect(of('old.source')).toMatch(/^warning: 1 process in .*dump\.pm2; the running PM2 was not asked/);
    expect(of('old.process')).toMatch(/^not checked: at the time of pm2 save: tracking online/);
    expect((await readdir(home)).filter((name) => /\.(pid|sock)$/.test(name))).toEqual([]);
  });

  it('starts no daemon for a list that was left behind with a process id that is another program', async () => {
    await writeFile(join(home, 'pm2.pid'), String(process.pid));
    const { of } = await preflight();
    expect(of('old.source')).toMatch(
      /^warning: .*the socket of the PM2 daemon .* does not answer \(ENOENT\)/,
    );
    await rm(join(home, 'pm2.pid'));
  });
});
