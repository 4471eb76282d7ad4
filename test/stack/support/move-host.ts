import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MoveJournal } from '../../../src/migration/shift/move-journal.js';
import type { MovePhase } from '../../../src/migration/shift/move-phases.js';
import { Program, temporaryDirectory } from '../../support/child-process.js';
import { until } from '../../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../../support/test-service.js';
import { createTestVolume, type TestVolume } from '../../support/test-volume.js';
import { mustRun, ROOT, run } from './engine.js';
import { Nginx } from './front-door-nginx.js';

const TOOLS = resolve('test/stack/pm2');
export const PM2 = join(TOOLS, 'node_modules/.bin/pm2');
const OLD_SERVER = resolve('test/old-server/serve.mjs');
const FORWARD = `
const net = require('node:net');
net.createServer((socket) => {
  const to = net.connect(27018, '127.0.0.1');
  for (const each of [socket, to]) each.on('error', () => { socket.destroy(); to.destroy(); });
  socket.pipe(to).pipe(socket);
}).listen(27019, '0.0.0.0', () => console.log('forwards'));`;
const PHASES: readonly MovePhase[] = ['shadow', 'one', 'half', 'all', 'soak'];

export interface GreenOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Node before the program. */
  readonly node?: readonly string[];
}

interface Listed {
  readonly name: string;
  readonly pid: number;
  readonly status: string;
  readonly restarts: number;
}

/**
 * A machine in a network namespace, whose outside is this process: the old server and another application under PM2, nginx,
 * Samserver and their database, all on the ports of production.
 */
export class MoveHost {
  readonly name = `sammove${process.pid}`;
  private readonly link = `smv${process.pid}`;
  private readonly subnet = `10.${94 + (process.pid % 100)}.${process.pid % 250}`;
  readonly address = `${this.subnet}.1`;
  /** What boxes know. */
  readonly url = `http://${this.address}:5000`;
  readonly socketUrl = `http://${this.address}:5050`;
  readonly green = { url: `http://${this.address}:5200`, socketUrl: `http://${this.address}:5250` };
  /** Inside. */
  databaseUrl = '';
  private program: Program | null = null;
  private greenOptions: GreenOptions = {};

  private constructor(
    readonly root: string,
    private readonly volume: TestVolume,
    private readonly removeRoot: () => Promise<void>,
  ) {}

  nginx!: Nginx;

  /** From this process. */
  get outsideDatabaseUrl(): string {
    return this.databaseUrl.replace('127.0.0.1:27018', `${this.address}:27019`);
  }

  static async start(): Promise<MoveHost> {
    const { path, remove } = await temporaryDirectory();
    const host = new MoveHost(path, await createTestVolume(), remove);
    await host.addNetwork();
    await mkdir(join(path, 'server'));
    await host.startDatabase();
    return host;
  }

  private async startDatabase(): Promise<void> {
    const database = this.spawn(process.execPath, [
      ...[`${ROOT}dist/cli.js`, 'db', '--directory', join(this.root, 'database'), '--port', '27018'],
    ]);
    const [, url = ''] = await database.waitForOutput(/MONGODB_URL=(\S+)/);
    this.databaseUrl = url;
    // It listens on the loopback only.
    const forward = this.spawn(process.execPath, ['-e', FORWARD]);
    await forward.waitForOutput(/forwards/);
  }

  /** Addresses of the outside, one for each box. */
  async addOutsideAddresses(count: number): Promise<string[]> {
    const addresses = Array.from({ length: count }, (_, index) => `${this.subnet}.${11 + index}`);
    for (const each of addresses) await mustRun('ip', ['address', 'add', `${each}/24`, 'dev', this.link]);
    return addresses;
  }

  /** Power off and on: every process and the table of nft are gone, and what starts by itself on a real machine starts. */
  async reboot(): Promise<void> {
    await this.killAll();
    await this.nft('flush', 'ruleset');
    await this.startDatabase();
    await this.pm2('resurrect');
    await this.nginx.restart();
    // As the unit of the redirect does.
    const rules = join(this.nginx.frontDoor, 'redirect.nft');
    if (existsSync(rules)) {
      await until(async () => (await this.nginx.command('status')).code !== 69, 'nginx');
      const { code, output } = await this.nft('-f', rules);
      if (code !== 0) throw new Error(`the redirect does not come back: ${output}`);
    }
    await this.startGreen();
  }

  /** Starts the old server and another application, and saves the list of PM2. */
  async startPm2(): Promise<void> {
    await this.pm2('start', OLD_SERVER, '--name', 'tracking');
    await this.pm2('start', '/bin/sleep', '--name', 'other', '--interpreter', 'none', '--', '86400');
    await this.pm2('save');
    await until(async () => (await answerOf(`http://${this.address}:5000/`)) === 200, 'the old server');
  }

  pm2(...args: readonly string[]): Promise<string> {
    return mustRun('ip', this.inside(process.execPath, PM2, ...args), {
      cwd: join(this.root, 'server'),
      env: this.pm2Env,
    });
  }

  async listed(): Promise<Listed[]> {
    const text = await this.pm2('--silent', 'jlist');
    const list = JSON.parse(text.slice(text.indexOf('['))) as {
      name: string;
      pid: number;
      pm2_env: { status: string; restart_time: number };
    }[];
    return list.map(({ name, pid, pm2_env: { status, restart_time: restarts } }) => ({
      ...{ name, pid, status, restarts },
    }));
  }

  async stateOf(name: string): Promise<string> {
    return (await this.listed()).find((each) => each.name === name)?.status ?? 'absent';
  }

  async savedList(): Promise<{ name: string; status: string }[]> {
    const list = JSON.parse(await readFile(join(this.pm2Home, 'dump.pm2'), 'utf8')) as {
      name: string;
      status: string;
    }[];
    return list.map(({ name, status }) => ({ name, status }));
  }

  get greenProcess(): Program | null {
    return this.program;
  }

  /** @param options those of the last start when absent */
  async startGreen(options = this.greenOptions): Promise<void> {
    this.greenOptions = options;
    const env = {
      ...this.commandEnv,
      ...this.volume.env,
      HTTP_HOST: '0.0.0.0',
      HTTP_PORT: '5200',
      SOCKET_SERVER_PORT: '5250',
      SCHEMA_ON_START: 'up',
      LOG_LEVEL: 'warn',
      LEGACY_ROLES: 'old',
      LEGACY_TEE_URL: 'http://127.0.0.1:5000',
      LEGACY_COLLECTIONS: 'write',
      LEGACY_SPOOL_DIR: join(this.root, 'spool'),
      LEGACY_SHADOW_DIR: join(this.root, 'shadow'),
      TRUST_PROXY: '127.0.0.1',
      ...options.env,
    };
    this.program = this.spawn(process.execPath, [...(options.node ?? []), `${ROOT}dist/main.js`], env);
    await until(async () => (await answerOf(`${this.green.url}/ready`)) === 200, 'Samserver');
  }

  async killGreen(): Promise<void> {
    await this.program?.kill();
    this.program = null;
  }

  /** nginx with the share, the redirect and the fallback of the end of a soak. */
  async startNginx(...options: readonly string[]): Promise<void> {
    this.nginx = await Nginx.start(this.name);
    await this.nginx.apply(
      ...['--blue', '127.0.0.1:5000,127.0.0.1:5050', '--green', '127.0.0.1:5200,127.0.0.1:5250'],
      ...(options.length > 0 ? options : ['--share', 'all', '--redirect', 'on']),
    );
  }

  /** The journal of a move that was watched and has soaked. */
  async soaked(): Promise<void> {
    const journal = await MoveJournal.open(this.nginx.frontDoor, { command: 'start', by: 'test' });
    const detail = { observeS: 0, withoutGapS: 1, windowS: 10, hasPanels: false };
    await journal.append({ kind: 'move.started', move: 'm', why: 'test', detail });
    for (const phase of PHASES) await journal.append({ kind: 'phase.entered', phase, why: 'test' });
    await journal.append({ kind: 'analysis', verdict: 'good', why: 'test', detail: {} });
    await journal.close();
  }

  /** How long each step of the present move took, the last time it ran. */
  async stepsMs(): Promise<Record<string, number>> {
    const records = await MoveJournal.read(this.nginx.frontDoor);
    const start = records.findLastIndex(({ kind }) => kind === 'move.started');
    return Object.fromEntries(
      records
        .slice(start)
        .flatMap((record) => (record.kind === 'step.done' ? [[record.step, record.ms]] : [])),
    );
  }

  /** A `samserver` command as a process on this machine. */
  command(...args: readonly string[]): Program {
    const hasOldServer = ['complete', 'rollback', 'decommission'].some((name) => args.includes(name));
    return this.samserver([
      ...args,
      ...(hasOldServer ? ['--pm2', PM2, '--pm2-home', this.pm2Home] : []),
      ...['--directory', this.nginx.frontDoor],
    ]);
  }

  /** The same with these arguments only. */
  samserver(args: readonly string[], env: Record<string, string> = {}): Program {
    const { PATH = '' } = process.env;
    const bin = this.nginx ? `${this.nginx.directory}/bin:` : '';
    return this.spawn(process.execPath, [`${ROOT}dist/cli.js`, ...args], {
      ...this.commandEnv,
      OLD_DATABASE_URL: this.databaseUrl,
      HOME: this.root,
      PM2_HOME: this.pm2Home,
      PATH: `${bin}${PATH}`,
      ...env,
    });
  }

  nft(...args: readonly string[]): Promise<{ code: number; output: string }> {
    return run('ip', this.inside('nft', ...args));
  }

  async close(): Promise<void> {
    await this.pm2('kill').catch(() => undefined);
    await this.nginx?.close();
    await this.killAll();
    await run('ip', ['netns', 'del', this.name]);
    await run('ip', ['link', 'del', this.link]);
    await this.volume.remove();
    await this.removeRoot();
  }

  get pm2Home(): string {
    return join(this.root, '.pm2');
  }

  private async killAll(): Promise<void> {
    const pids = async (): Promise<number[]> =>
      (await mustRun('ip', ['netns', 'pids', this.name]))
        .split('\n')
        .filter((each) => each !== '')
        .map(Number);
    (await pids()).forEach(killIfThere);
    await until(async () => (await pids()).length === 0, 'the end of all processes');
  }

  private get pm2Env(): Record<string, string> {
    return {
      HOME: this.root,
      PM2_HOME: this.pm2Home,
      OLD_HOST: '0.0.0.0',
      OLD_HTTP_PORT: '5000',
      OLD_SOCKET_PORT: '5050',
      OLD_MONGODB_URL: this.databaseUrl,
      // What `preflight` reads.
      ENVIRONMENT: 'LIVE',
      MONGODB_LIVE_URL: this.databaseUrl,
    };
  }

  private get commandEnv(): Record<string, string> {
    return {
      MONGODB_URL: this.databaseUrl,
      JWT_SECRET,
      OPS_TOKEN,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
    };
  }

  private async addNetwork(): Promise<void> {
    await mustRun('ip', ['netns', 'add', this.name]);
    await mustRun('ip', ['-n', this.name, 'link', 'set', 'lo', 'up']);
    const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name];
    await mustRun('ip', ['link', 'add', this.link, ...peer]);
    await mustRun('ip', ['address', 'add', `${this.subnet}.2/24`, 'dev', this.link]);
    await mustRun('ip', ['link', 'set', this.link, 'up']);
    await mustRun('ip', ['-n', this.name, 'address', 'add', `${this.address}/24`, 'dev', 'eth0']);
    await mustRun('ip', ['-n', this.name, 'link', 'set', 'eth0', 'up']);
  }

  private inside(...args: readonly string[]): string[] {
    return ['netns', 'exec', this.name, ...args];
  }

  private spawn(file: string, args: readonly string[], env: Record<string, string> = {}): Program {
    return Program.run('ip', this.inside(file, ...args), env);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function answerOf(url: string): Promise<number | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}
