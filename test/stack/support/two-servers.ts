import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { GreenGap } from '../../../src/migration/front-door/green-gaps.js';
import {
  freePorts,
  type Ports,
  type Program,
  startDatabase,
  startProcess,
  statusOf,
  temporaryDirectory,
} from '../../support/child-process.js';
import { adminToken, call } from '../../support/http.js';
import { OldDatabase } from '../../support/old-database.js';
import { until } from '../../support/sockets.js';
import { ADMIN, JWT_SECRET, OPS_TOKEN } from '../../support/test-service.js';
import { createTestVolume, filesBelow, type TestVolume } from '../../support/test-volume.js';
import { Nginx, SECRET } from './front-door-nginx.js';
import { KMH_STEP, latitudeOf } from './numbered-boxes.js';

export const PM2 = resolve('test/stack/pm2/node_modules/.bin/pm2');
const OLD_SERVER = resolve('test/old-server/serve.mjs');
const run = promisify(execFile);

/** Copies of each numbered post in one store: `position 301 17`, `picture <SHA-256>`, `crash 301`. */
export type Copies = ReadonlyMap<string, number>;

/** The old server (blue) under PM2, Samserver (green) and nginx, each a process, on one database process. */
export class TwoServers {
  private green!: Program;
  private nginxOrNull: Nginx | null = null;
  private readonly vehicles = new Map<string, string>();

  private constructor(
    private readonly directory: Awaited<ReturnType<typeof temporaryDirectory>>,
    private readonly volume: TestVolume,
    readonly database: Program,
    private readonly databaseUrl: string,
    readonly shared: OldDatabase,
    readonly bluePorts: Ports,
    readonly greenPorts: Ports,
  ) {}

  /** @param boxCodes an ambulance for each; both servers know it */
  static async start(boxCodes: readonly string[]): Promise<TwoServers> {
    const directory = await temporaryDirectory();
    const { program, url } = await startDatabase(join(directory.path, 'database'));
    const shared = await OldDatabase.open(url);
    const servers = new TwoServers(
      directory,
      await createTestVolume(),
      program,
      url,
      shared,
      await freePorts(),
      await freePorts(),
    );
    for (const code of boxCodes) await shared.addAmbulance(code);
    await mkdir(join(directory.path, 'server'));
    await servers.startBlue();
    await servers.startGreen();
    await servers.startNginx();
    await until(async () => (await servers.readVehicles()).size === boxCodes.length, 'the vehicles on green');
    return servers;
  }

  get nginx(): Nginx {
    if (!this.nginxOrNull) throw new Error('nginx is not started');
    return this.nginxOrNull;
  }

  get greenProcess(): Program {
    return this.green;
  }

  get greenUrl(): string {
    return `http://127.0.0.1:${this.greenPorts.http}`;
  }

  async startGreen(): Promise<void> {
    const { directory, volume, databaseUrl, bluePorts } = this;
    this.green = await startProcess(this.greenPorts, {
      ...volume.env,
      MONGODB_URL: databaseUrl,
      SCHEMA_ON_START: 'up',
      JWT_SECRET,
      OPS_TOKEN,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      TRUST_PROXY: '127.0.0.1',
      LEGACY_CLIENTS: 'on',
      LEGACY_ROLES: 'old',
      LEGACY_MIRROR_SECRET: SECRET,
      LEGACY_TEE_URL: `http://127.0.0.1:${bluePorts.http}`,
      LEGACY_SPOOL_DIR: join(directory.path, 'spool'),
      LEGACY_SHADOW_DIR: join(directory.path, 'shadow'),
    });
  }

  async stopGreen(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.green.kill(signal);
  }

  /** PM2 starts it again. */
  async killBlue(): Promise<void> {
    const before = await this.bluePid();
    process.kill(before, 'SIGKILL');
    await until(async () => {
      const now = await this.bluePid();
      return now !== before && now > 0;
    }, 'the restart by PM2');
    await this.whenBlueUp();
  }

  async whenBlueUp(): Promise<void> {
    await until(
      async () => (await statusOf(`http://127.0.0.1:${this.bluePorts.http}/`)) === 200,
      'the old server',
    );
  }

  /** The gaps that `samserver front-door gaps` names. */
  async gaps(): Promise<GreenGap[]> {
    const { output } = await this.nginx.command('gaps', '--json');
    const { gaps } = JSON.parse(output) as { gaps: { from: string; to: string; posts: number }[] };
    return gaps.map((gap) => ({
      ...gap,
      addresses: [],
      fromMs: Date.parse(gap.from),
      toMs: Date.parse(gap.to),
    }));
  }

  /** Green's tee has nothing that waits. */
  async isTeeDrained(): Promise<boolean> {
    const { body } = await call({ url: this.greenUrl }, 'GET', '/api/v1/ops/legacy-tee', {
      token: OPS_TOKEN,
    });
    return body.isDrained === true;
  }

  async onBlue(boxes: ReadonlyMap<string, number>): Promise<Copies> {
    const copies = new Map<string, number>();
    const codes = await this.codesById();
    for (const { ambulance_id, speed } of await this.shared.all('ambulance_tracking_histories')) {
      const code = codes.get(String(ambulance_id)) ?? '';
      if (boxes.has(code)) add(copies, `position ${code} ${Math.round(speed / KMH_STEP)}`);
    }
    for (const { ambulance_id } of await this.shared.all('ambulance_crashes'))
      add(copies, `crash ${codes.get(String(ambulance_id)) ?? ''}`);
    await addPictures(copies, join(this.directory.path, 'public/uploads/ambulance_images'));
    return copies;
  }

  async onGreen(boxes: ReadonlyMap<string, number>): Promise<Copies> {
    const copies = new Map<string, number>();
    for (const { name } of await this.positionsOnGreen(boxes)) add(copies, name);
    const codes = new Map([...(await this.readVehicles())].map(([code, id]) => [id, code]));
    for (const { vehicleId } of await this.shared.all('crashes'))
      add(copies, `crash ${codes.get(String(vehicleId)) ?? ''}`);
    await addPictures(copies, join(this.directory.path, 'shadow'));
    return copies;
  }

  /** Names of the positions that green took and blue has not got, as green has recorded them. */
  async owedPositions(boxes: ReadonlyMap<string, number>): Promise<ReadonlySet<string>> {
    const owed = await this.shared.all('legacy_owed', { kind: 'position' });
    const keys = new Set(owed.map(({ vehicleId, recordId }) => `${vehicleId} ${Number(recordId)}`));
    const positions = await this.positionsOnGreen(boxes);
    return new Set(positions.filter(({ key }) => keys.has(key)).map(({ name }) => name));
  }

  /** `key`: vehicle id and time, epoch milliseconds. */
  private async positionsOnGreen(
    boxes: ReadonlyMap<string, number>,
  ): Promise<readonly { readonly name: string; readonly key: string }[]> {
    const green = { url: this.greenUrl };
    const token = await adminToken(green);
    const vehicles = await this.readVehicles();
    const positions: { name: string; key: string }[] = [];
    for (const [code, index] of boxes) {
      const vehicleId = vehicles.get(code) ?? '';
      const { body } = await call(green, 'GET', `/api/v1/vehicles/${vehicleId}/positions?limit=5000`, {
        token,
      });
      for (const { lat, time } of body.items as { lat: number; time: string }[])
        positions.push({
          name: `position ${code} ${Math.round((lat - latitudeOf(index, 0)) * 1e5)}`,
          key: `${vehicleId} ${Date.parse(time)}`,
        });
    }
    return positions;
  }

  /** Box code → vehicle of green. */
  async readVehicles(): Promise<ReadonlyMap<string, string>> {
    const green = { url: this.greenUrl };
    const token = await adminToken(green);
    const { body } = await call(green, 'GET', '/api/v1/vehicles?limit=500', { token });
    for (const { id, boxCode } of body.items as { id: string; boxCode?: string }[])
      if (boxCode !== undefined) this.vehicles.set(boxCode, id);
    return this.vehicles;
  }

  async close(): Promise<void> {
    this.database.child.kill('SIGCONT');
    this.green.child.kill('SIGCONT');
    await this.pm2('kill');
    await this.green.kill('SIGKILL');
    await this.nginxOrNull?.close();
    await this.shared.close();
    await this.database.kill('SIGTERM');
    await this.volume.remove();
    await this.directory.remove();
  }

  private async startBlue(): Promise<void> {
    await this.pm2('start', OLD_SERVER, '--name', 'tracking');
    await this.whenBlueUp();
  }

  private async startNginx(): Promise<void> {
    const { bluePorts: blue, greenPorts: green } = this;
    const nginx = await Nginx.start();
    this.nginxOrNull = nginx;
    await writeFile(`${nginx.directory}/secret`, `${SECRET}\n`, { mode: 0o600 });
    await nginx.apply(
      ...['--blue', `127.0.0.1:${blue.http},127.0.0.1:${blue.socket}`],
      ...['--green', `127.0.0.1:${green.http},127.0.0.1:${green.socket}`],
      ...['--share', 'none', '--mirror', 'on', '--mirror-secret-file', `${nginx.directory}/secret`],
    );
  }

  private async bluePid(): Promise<number> {
    return Number((await this.pm2('pid', 'tracking')).trim());
  }

  private async pm2(...args: readonly string[]): Promise<string> {
    const { path } = this.directory;
    const { stdout } = await run(process.execPath, [PM2, ...args], {
      cwd: join(path, 'server'),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: path,
        PM2_HOME: join(path, '.pm2'),
        OLD_MONGODB_URL: this.databaseUrl,
        OLD_HTTP_PORT: String(this.bluePorts.http),
        OLD_SOCKET_PORT: String(this.bluePorts.socket),
      },
    });
    return stdout;
  }

  private async codesById(): Promise<ReadonlyMap<string, string>> {
    const ambulances = await this.shared.all('ambulances');
    return new Map(ambulances.map(({ _id, ambulance_box_code }) => [String(_id), ambulance_box_code]));
  }
}

function add(copies: Map<string, number>, name: string): void {
  copies.set(name, (copies.get(name) ?? 0) + 1);
}

async function addPictures(copies: Map<string, number>, directory: string): Promise<void> {
  for (const file of await filesBelow(directory)) {
    const bytes = await readFile(join(directory, file));
    add(copies, `picture ${createHash('sha256').update(bytes).digest('hex')}`);
  }
}
