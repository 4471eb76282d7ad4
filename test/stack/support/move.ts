import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  freePorts,
  type Ports,
  type Program,
  startProcess,
  temporaryDirectory,
} from '../../support/child-process.js';
import { OldDatabase } from '../../support/old-database.js';
import { postRaw, TRACKING } from '../../support/old-boxes.js';
import { OldServer } from '../../support/old-server.js';
import { until } from '../../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../../support/test-service.js';
import { createTestVolume, type TestVolume } from '../../support/test-volume.js';
import { MoveJournal } from '../../../src/migration/shift/move-journal.js';
import { foldMove, type MoveState } from '../../../src/migration/shift/move-state.js';
import { Boxes } from './front-door.js';
import { Nginx, SECRET } from './front-door-nginx.js';

/** Gates that need files of an operator, or minutes. */
const SKIPPED = ['pictures', 'image-backup', 'database-dump', 'certificate', 'compare'];
const BOX_ADDRESS = '203.0.113.3';
const ADDRESSES = Array.from({ length: 16 }, (_, n) => `203.0.113.${n + 1}`);

/** nginx, the old server of the tests as blue and a process of the service as green. */
export class Move {
  private constructor(
    readonly old: OldServer,
    readonly nginx: Nginx,
    public green: Program,
    private readonly env: Record<string, string>,
    private readonly startGreen: () => Promise<Program>,
    readonly greenPorts: Ports,
    private readonly removeAll: () => Promise<void>,
  ) {}

  static async start(): Promise<Move> {
    const old = await OldServer.start();
    const database = await OldDatabase.open(old.database.url);
    await database.addAmbulance('291');
    await database.close();
    const [directory, volume, ports] = [
      await temporaryDirectory(),
      await createTestVolume(),
      await freePorts(),
    ];
    const env = serviceEnv(old, directory.path, volume);
    const startGreen = (): Promise<Program> => startProcess(ports, env);
    const green = await startGreen();
    // A job of the service adopts the ambulance.
    const report = new URLSearchParams({
      ambulance_id: '291',
      tracking_latitude: '13.7',
      tracking_longitude: '100.5',
    });
    const url = `http://127.0.0.1:${ports.http}`;
    await until(
      async () => (await postRaw({ url, socketUrl: url }, TRACKING, report)).status === 200,
      'the vehicle',
    );
    const nginx = await Nginx.start();
    await writeFile(`${nginx.directory}/secret`, `${SECRET}\n`, { mode: 0o600 });
    await nginx.apply(
      ...['--blue', `127.0.0.1:${old.ports.http},127.0.0.1:${old.ports.socket}`],
      ...['--green', `127.0.0.1:${ports.http},127.0.0.1:${ports.socket}`, '--share', 'none'],
    );
    return new Move(old, nginx, green, env, startGreen, ports, async () => {
      await nginx.close();
      await old.stop();
      await directory.remove();
      await volume.remove();
    });
  }

  /** `samserver shift …` as a process. */
  shift(...args: readonly string[]): Program {
    return this.nginx.spawn(['shift', ...args, '--directory', this.nginx.frontDoor], {
      OPS_TOKEN,
      JWT_SECRET,
      MONGODB_URL: this.env['MONGODB_URL'] ?? '',
    });
  }

  /** `start`, `to …` or `resume`, with short times and without the gates that need an operator. */
  running(...args: readonly string[]): Program {
    const times = ['--observe', '10', '--without-gap', '2', '--window', '10', '--mirror-secret-file'];
    const start = args[0] === 'start' ? [...times, `${this.nginx.directory}/secret`] : [];
    const one = args[1] === 'one' ? ['--box-addresses', BOX_ADDRESS] : [];
    return this.shift(...args, ...start, ...one, ...SKIPPED.flatMap((gate) => ['--skip', gate]));
  }

  /** `start`, `to …` or `resume` that waits for no time: only the state of the servers counts. */
  quick(...args: readonly string[]): Program {
    return this.running(...args, ...['ready', 'observation', 'gaps'].flatMap((gate) => ['--skip', gate]));
  }

  /** Takes the move quickly to `half` and leaves the command watching. */
  async toHalf(): Promise<Program> {
    let program = this.quick('start');
    await this.whenState(({ phase }) => phase === 'shadow', 'the shadow', program);
    for (const phase of ['one', 'half'] as const) {
      program = this.quick('to', phase);
      await this.whenState((state) => state.phase === phase, `phase ${phase}`, program);
    }
    return program;
  }

  /** The color of a post of the box whose address goes to green from phase one on. */
  async colorOfPosts(): Promise<string | null> {
    const response = await fetch(`${this.nginx.url}${TRACKING}`, {
      method: 'POST',
      headers: { 'x-real-ip': BOX_ADDRESS, connection: 'close' },
      body: new URLSearchParams({ ambulance_id: '291' }),
    }).catch(() => null);
    return response?.headers.get('x-samserver-color') ?? null;
  }

  /** Takes the move to a phase and leaves the command of the last one watching. */
  async to(last: 'shadow' | 'one' | 'half' | 'all'): Promise<Program> {
    let program: Program | undefined;
    for (const phase of ['shadow', 'one', 'half', 'all'] as const) {
      program = phase === 'shadow' ? this.running('start') : this.running('to', phase);
      await this.whenState((state) => state.phase === phase, `phase ${phase}`, program);
      if (phase === last) return program;
    }
    throw new Error('not a phase');
  }

  async state(): Promise<MoveState> {
    return foldMove(await MoveJournal.read(this.nginx.frontDoor));
  }

  async whenState(is: (state: MoveState) => boolean, what: string, program?: Program): Promise<MoveState> {
    let state: MoveState | undefined;
    await until(async () => {
      state = await this.state();
      if (!is(state) && program && program.child.exitCode !== null)
        throw new Error(`the command ended before ${what}:\n${program.output}`);
      return is(state);
    }, what).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${program?.output ?? ''}\n${JSON.stringify(state)}`);
    });
    return state as MoveState;
  }

  load(perSecond = 20): Boxes {
    return Boxes.start({ url: this.nginx.url, perSecond, addresses: ADDRESSES, prefix: 'm' });
  }

  /** Green again, after it was killed. */
  async restartGreen(): Promise<void> {
    this.green = await this.startGreen();
  }

  async close(): Promise<void> {
    this.green.child.kill('SIGKILL');
    await this.removeAll();
  }
}

function serviceEnv(old: OldServer, directory: string, volume: TestVolume): Record<string, string> {
  return {
    MONGODB_URL: old.database.url,
    SCHEMA_ON_START: 'up',
    JWT_SECRET,
    OPS_TOKEN,
    ADMIN_EMAIL: ADMIN.email,
    ADMIN_PASSWORD: ADMIN.password,
    LEGACY_ROLES: 'old',
    LEGACY_TEE_URL: old.url,
    LEGACY_MIRROR_SECRET: SECRET,
    LEGACY_SPOOL_DIR: join(directory, 'spool'),
    LEGACY_SHADOW_DIR: join(directory, 'shadow'),
    // One box posts for the whole fleet.
    LEGACY_POSITIONS_PER_S_PER_BOX: '500',
    LEGACY_POSTS_PER_S_PER_ADDRESS: '500',
    TRUST_PROXY: '127.0.0.1',
    ...volume.env,
  };
}
