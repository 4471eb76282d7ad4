import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MoveJournal } from '../../src/migration/shift/move-journal.js';
import { foldMove, type MoveState } from '../../src/migration/shift/move-state.js';
import { prepareJpegs } from '../../src/tools/boxes/index.js';
import type { Program } from '../support/child-process.js';
import { makeFleet } from '../support/fleet.js';
import { adminToken, call } from '../support/http.js';
import { OldDatabase } from '../support/old-database.js';
import { until } from '../support/sockets.js';
import { ADMIN, OPS_TOKEN } from '../support/test-service.js';
import { filesBelow } from '../support/test-volume.js';
import { MoveHost, PM2 } from '../stack/support/move-host.js';
import { SECRET } from '../stack/support/front-door-nginx.js';
import { KMH_STEP, latitudeOf } from '../stack/support/numbered-boxes.js';
import { type Post, Traffic } from './traffic.js';

export type Fault = 'errors' | 'slow' | 'loses' | 'leaks';
export interface RehearsalTimes {
  /** How long each phase is observed, seconds; at least 10. */
  readonly observeS: number;
  /** The gate `compare` needs a phase of 50 s. */
  readonly isCompared: boolean;
}

/** Gates that wait for a time. */
export const QUICK = ['ready', 'observation', 'gaps', 'compare'];
const CODES = ['300', '301', '302', '303', '304', '305'];
const OLD_COLLECTIONS = ['ambulances', 'ambulance_trackings', 'ambulance_tracking_histories'];
const PANELS = 3;
const WATCHERS = 2;
const DEVICES = 2;
const OLD_FILES = 24;
const BAD_GREEN = resolve('test/rehearse/bad-green.mjs');
/** Heap of a green that leaks. The service needs about 80 MB. */
const LEAK_HEAP_MB = 300;

/** One machine with everything that a move meets, and the commands of the runbook as processes. */
export class Rehearsal {
  readonly durationsMs: Record<string, number> = {};
  private readonly ambulances = new Map<string, string>();
  private readonly vehicles = new Map<string, string>();
  private addresses: string[] = [];
  watching: Program | null = null;

  private constructor(
    readonly host: MoveHost,
    readonly database: OldDatabase,
    readonly traffic: Traffic,
    private readonly times: RehearsalTimes,
  ) {}

  /** The old server under PM2 with its pictures and its clients, before anything of Samserver. */
  static async start(times: RehearsalTimes): Promise<Rehearsal> {
    const host = await MoveHost.start();
    const database = await OldDatabase.open(host.outsideDatabaseUrl);
    const jpegs = await prepareJpegs();
    const rehearsal = new Rehearsal(host, database, new Traffic(host.url, jpegs), times);
    for (const code of CODES) rehearsal.ambulances.set(code, await database.addAmbulance(code));
    const folder = join(rehearsal.pictures, '300/2026/1/1/0_0');
    await mkdir(folder, { recursive: true });
    for (let n = 0; n < OLD_FILES; n += 1)
      await writeFile(join(folder, `0_${n}_1000.jpg`), jpegs.jpeg('old', n));
    await host.startPm2();
    rehearsal.traffic.startProbes();
    rehearsal.addresses = await host.addOutsideAddresses(CODES.length);
    CODES.forEach((code, index) => rehearsal.traffic.addBox(code, rehearsal.addresses[index] ?? ''));
    for (let n = 0; n < PANELS; n += 1) await rehearsal.traffic.addPanel(host.socketUrl);
    return rehearsal;
  }

  get pictures(): string {
    return join(this.host.root, 'public/uploads/ambulance_images');
  }

  get volume(): string {
    return join(this.host.root, 'volume');
  }

  /** Runs to its end. @throws Error when the exit code is not 0 */
  async runs(...args: readonly string[]): Promise<string> {
    return this.ended(args, this.host.samserver(args, this.imageEnv));
  }

  /** The same with the options of the old server and the front door. */
  async runsOnHost(...args: readonly string[]): Promise<string> {
    return this.ended(args, this.host.command(...args));
  }

  private async ended(args: readonly string[], program: Program): Promise<string> {
    const { code } = await program.exited;
    if (code !== 0)
      throw new Error(`samserver ${args.join(' ')} ended with ${code}:\n${program.output.slice(-3_000)}`);
    return program.output;
  }

  async phase<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const result = await work();
    this.durationsMs[name] = Math.round(performance.now() - startMs);
    return result;
  }

  async preflight(): Promise<void> {
    const program = this.host.samserver(
      ['preflight', '--on-host', '--pm2', PM2, '--sample', '0', '--json'],
      this.imageEnv,
    );
    await program.exited;
    const { checks } = JSON.parse(program.output.slice(program.output.indexOf('{'))) as {
      checks: { id: string; status: string; seen: string }[];
    };
    const failed = checks.filter(({ status }) => status === 'failed');
    if (failed.length > 0) throw new Error(`preflight: ${JSON.stringify(failed)}`);
  }

  /** Schema, vehicles and pictures, then Samserver itself. */
  async prepare(fault: Fault | null = null): Promise<void> {
    await mkdir(this.volume);
    await this.runs('schema', 'up');
    await this.runs('init');
    await this.runs('adopt');
    await this.copyPictures();
    await this.runs('backup', 'run', ...OLD_COLLECTIONS.flatMap((name) => ['--old', name]));
    await this.runs('backup', 'rehearse');
    await this.host.startGreen({
      env: { ...this.imageEnv, LEGACY_MIRROR_SECRET: SECRET },
      node:
        fault === null ? [] : [`--max-old-space-size=${LEAK_HEAP_MB}`, '--import', `${BAD_GREEN}?${fault}`],
    });
    await this.readVehicles();
    const { session, vehicles } = await makeFleet(this.host.green.url, ADMIN, DEVICES, 'REHEARSAL');
    vehicles.forEach((vehicle) => this.traffic.addDevice(this.host.green.socketUrl, vehicle));
    const ids = [...this.vehicles.values()];
    for (let n = 0; n < WATCHERS; n += 1)
      await this.traffic.addWatcher(this.host.green.socketUrl, session.accessToken, ids);
  }

  /**
   * The old server goes on writing into its directory, so Samserver has a volume of its own. Again at the switch: the commands
   * copy what is new.
   */
  async copyPictures(): Promise<void> {
    const old = { IMAGE_DIR: this.pictures };
    const backup = join(this.host.root, 'backup');
    for (const args of [['manifest'], ['backup', backup]])
      await this.ended(args, this.host.samserver(['images', ...args], old));
    for (const args of [['restore', backup], ['scan'], ['manifest'], ['verify']])
      await this.runs('images', ...args);
  }

  async frontDoor(): Promise<void> {
    await this.host.startNginx('--share', 'none', '--redirect', 'on');
    await writeFile(join(this.host.root, 'secret'), `${SECRET}\n`, { mode: 0o600 });
    await this.runs('front-door', 'self-test', ...this.directory);
  }

  /** `start`, `to …` or `resume` in its terminal, until the phase is entered. */
  async shift(
    args: readonly string[],
    phase: MoveState['phase'],
    skip: readonly string[] = [],
  ): Promise<void> {
    const { observeS, isCompared } = this.times;
    const seconds = String(observeS);
    const start = [
      ...[
        '--mirror-secret-file',
        join(this.host.root, 'secret'),
        '--image-backup',
        `${this.host.root}/backup`,
      ],
      ...['--database-dump', join(this.host.root, 'database-backups')],
      ...['--observe', seconds, '--without-gap', seconds, '--window', seconds],
    ];
    // The front door of the rehearsal has no TLS.
    const skipped = ['certificate', ...(isCompared ? [] : ['compare']), ...skip];
    const program = this.host.samserver(
      [
        ...['shift', ...args, ...(args[0] === 'start' ? start : [])],
        ...(args[1] === 'one' ? ['--box-addresses', this.addresses[0] ?? ''] : []),
        ...skipped.flatMap((gate) => ['--skip', gate]),
        ...this.directory,
      ],
      this.imageEnv,
    );
    this.watching = program;
    await this.whenState((state) => state.phase === phase, `phase ${phase}`);
  }

  /** The end of the old server. @param skip gates that wait for a time */
  async complete(skip: readonly string[] = []): Promise<void> {
    const skipped = ['certificate', ...(this.times.isCompared ? [] : ['compare']), ...skip];
    await this.runsOnHost('shift', 'complete', ...skipped.flatMap((gate) => ['--skip', gate]));
  }

  /** From the shadow to a phase, without waiting for times. */
  async quickTo(last: 'shadow' | 'one' | 'half' | 'all'): Promise<void> {
    await this.shift(['start'], 'shadow', QUICK);
    for (const phase of ['one', 'half', 'all'] as const) {
      if (last === 'shadow') return;
      await this.shift(['to', phase], phase, QUICK);
      if (phase === last) return;
    }
  }

  /** After a restart of the machine. */
  async resume(): Promise<void> {
    const before = (await this.state()).writer;
    const skip = [...QUICK, 'certificate'].flatMap((gate) => ['--skip', gate]);
    this.watching = this.host.samserver(['shift', 'resume', ...skip, ...this.directory], this.imageEnv);
    await this.whenState(
      ({ owner, writer, target, phase }) =>
        writer !== before && owner?.command === 'resume' && target === null && phase !== 'all',
      'the resumed move',
    );
  }

  async state(): Promise<MoveState> {
    return foldMove(await MoveJournal.read(this.host.nginx.frontDoor));
  }

  async whenState(is: (state: MoveState) => boolean, what: string): Promise<void> {
    const { watching } = this;
    await until(async () => {
      const state = await this.state();
      if (!is(state) && watching && watching.child.exitCode !== null && watching.child.exitCode !== 0)
        throw new Error(`the command ended before ${what}`);
      return is(state);
    }, what).catch(async (error: unknown) => {
      const text = await readFile(join(this.host.nginx.frontDoor, 'journal.jsonl'), 'utf8');
      const rollbacks = text.split('\n').filter((line) => line.includes('"rollback.started"'));
      throw new Error(`${String(error)}\n${watching?.output.slice(-3_000) ?? ''}\n${rollbacks.join('\n')}`);
    });
  }

  /** The analysis of this phase, not of the one before, has become good. */
  whenGood(wanted: 'half' | 'soak'): Promise<void> {
    return this.whenState(
      ({ phase, phaseSince, analysis }) =>
        phase === wanted &&
        analysis?.verdict === 'good' &&
        Date.parse(analysis.at) > Date.parse(phaseSince ?? ''),
      `a good phase ${wanted}`,
    );
  }

  /** `samserver compare` of what both servers have stored since a time. */
  async compare(fromMs: number): Promise<void> {
    // Its horizon is ten times the lag.
    await sleep(12_000);
    const { url, socketUrl } = this.host.green;
    await this.runs(
      ...['compare', '--url', url.replace(this.host.address, '127.0.0.1'), '--lag', '1'],
      ...['--socket-url', socketUrl.replace(this.host.address, '127.0.0.1')],
      // Without `--old-pictures`: while the old server has the role, Samserver keeps pictures in LEGACY_SHADOW_DIR, where the
      // command does not look. `reconcile` compares them.
      ...['--from', new Date(fromMs).toISOString()],
    );
  }

  /** From now on green has the fault that it was started with. */
  signalGreen(): void {
    this.host.greenProcess?.child.kill('SIGUSR2');
  }

  /** As a newer release would do it. */
  async setSchemaAhead(isAhead: boolean): Promise<void> {
    const schema = this.database.collection('schema_state');
    await schema.updateOne({}, { $inc: { version: isAhead ? 100 : -100 } });
  }

  /** Another volume is mounted in place of the own one, and back: the two directories change their names. */
  async exchangeVolume(): Promise<void> {
    const [own, other] = [this.volume, join(this.host.root, 'other-volume')];
    await mkdir(other, { recursive: true });
    const marker = join(other, '.samserver-volume');
    if (!existsSync(marker)) await writeFile(marker, `${randomUUID()}\n`);
    await rename(own, `${own}.away`);
    await rename(other, own);
    await rename(`${own}.away`, other);
  }

  /** Of the last rollback: when all HTTP went to blue, and how long it took from the begin. */
  async rollbackTimes(): Promise<RollbackTimes> {
    const records = await MoveJournal.read(this.host.nginx.frontDoor);
    const from = records.findLastIndex(({ kind }) => kind === 'rollback.started');
    const beganMs = Date.parse(records[from]?.at ?? '');
    const rollback = records.slice(from);
    // A dead Samserver has no sockets to close: then the end of the rollback counts.
    const atOf = (step: string): number =>
      Date.parse(
        (
          rollback.find((each) => each.kind === 'step.done' && each.step === step) ??
          rollback.find(({ kind }) => kind === 'rollback.done')
        )?.at ?? '',
      );
    return {
      beganMs,
      httpAtMs: atOf('http'),
      httpMs: atOf('http') - beganMs,
      socketsMs: atOf('sockets') - beganMs,
    };
  }

  async isTeeDrained(): Promise<boolean> {
    const { body } = await call(this.host.green, 'GET', '/api/v1/ops/legacy-tee', { token: OPS_TOKEN });
    return body.isDrained === true || body.state === 'idle';
  }

  /**
   * Each post that got 200 in both stores.
   * @param inDoubt posts of these are named apart: the machine or a server ended, and the old server stores after its answer
   */
  async reconcile(inDoubt: (post: Post) => boolean = () => false): Promise<Reconciliation> {
    await until(() => this.isTeeDrained(), 'a drained tee');
    const accepted = this.traffic.posts.filter(({ end }) => end === 200);
    const first = new Set(CODES.map((code) => `position ${code} 0`));
    const expected = accepted.filter(({ name }) => !name.startsWith('crash'));
    const missingIn = (copies: ReadonlyMap<string, number>, of: readonly Post[]): Post[] =>
      of.filter(({ name }) => !copies.has(name));
    let [old, green] = [await this.inOldStore(), await this.inSamserver()];
    let [written, shadow] = [await this.picturesWritten(), await this.picturesShadowed()];
    const isPosition = ({ name }: Post): boolean => name.startsWith('position');
    const missing = (): Post[] => [
      // The old server writes no history for the first position of a vehicle. A picture is in the directory of the server that
      // had the role.
      ...missingIn(
        old,
        expected.filter((post) => !first.has(post.name) && (isPosition(post) || !written.has(post.name))),
      ),
      ...missingIn(
        green,
        expected.filter((post) => isPosition(post) && this.isMirrored(post)),
      ),
      ...expected.filter(
        (post) =>
          !isPosition(post) && this.isMirrored(post) && !written.has(post.name) && !shadow.has(post.name),
      ),
    ];
    const endMs = performance.now() + 30_000;
    while (missing().some((post) => !inDoubt(post)) && performance.now() < endMs) {
      await sleep(500);
      [old, green] = [await this.inOldStore(), await this.inSamserver()];
      [written, shadow] = [await this.picturesWritten(), await this.picturesShadowed()];
    }
    const names = new Set(accepted.map(({ name }) => name));
    const doubled = [old, green].flatMap((copies) =>
      [...copies].filter(([name, count]) => count > 1 && names.has(name)).map(([name]) => name),
    );
    const owed = await this.database.all('legacy_owed');
    const all = missing();
    return {
      posts: this.traffic.posts.length,
      failed: this.traffic.posts.filter(({ end }) => end !== 200),
      lost: all.filter((post) => !inDoubt(post)).map(({ name }) => name),
      uncertain: all.filter((post) => inDoubt(post)).map(({ name }) => name),
      doubled,
      owed: owed.length,
    };
  }

  /** When the shadow began: Samserver has nothing of before. */
  mirroredFromMs = Infinity;
  private mirroredToMs = Infinity;

  /** @param atMs the old server was alone from then on */
  endOfMirror(atMs = Date.now()): void {
    this.mirroredToMs = atMs;
    this.traffic.endWatchers();
  }

  private isMirrored({ atMs }: Post): boolean {
    return atMs > this.mirroredFromMs && atMs < this.mirroredToMs;
  }

  private async inOldStore(): Promise<Map<string, number>> {
    const copies = new Map<string, number>();
    const codes = new Map([...this.ambulances].map(([code, id]) => [id, code]));
    for (const { ambulance_id, speed } of await this.database.all('ambulance_tracking_histories'))
      add(copies, `position ${codes.get(String(ambulance_id)) ?? ''} ${Math.round(speed / KMH_STEP)}`);
    for (const name of await picturesIn(this.pictures)) add(copies, name);
    return copies;
  }

  private async picturesWritten(): Promise<ReadonlySet<string>> {
    return new Set(await picturesIn(this.volume));
  }

  private async picturesShadowed(): Promise<ReadonlySet<string>> {
    return new Set(await picturesIn(join(this.host.root, 'shadow')));
  }

  private async inSamserver(): Promise<Map<string, number>> {
    const copies = new Map<string, number>();
    const token = await adminToken(this.host.green);
    await this.readVehicles();
    for (const [code, index] of this.traffic.indexes) {
      const vehicleId = this.vehicles.get(code) ?? '';
      let cursor: string | null = null;
      do {
        const more: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
        const path = `/api/v1/vehicles/${vehicleId}/positions?limit=5000${more}`;
        const { body } = await call(this.host.green, 'GET', path, { token });
        for (const { lat } of body.items as { lat: number }[])
          add(copies, `position ${code} ${Math.round((lat - latitudeOf(index, 0)) * 1e5)}`);
        cursor = (body.nextCursor as string | null | undefined) ?? null;
      } while (cursor !== null);
    }
    return copies;
  }

  private async readVehicles(): Promise<ReadonlyMap<string, string>> {
    const token = await adminToken(this.host.green);
    const { body } = await call(this.host.green, 'GET', '/api/v1/vehicles?limit=500', { token });
    for (const { id, boxCode } of body.items as { id: string; boxCode?: string }[])
      if (boxCode !== undefined) this.vehicles.set(boxCode, id);
    return this.vehicles;
  }

  async close(): Promise<void> {
    await this.traffic.close();
    await this.database.close();
    await this.host.close();
  }

  get directory(): readonly string[] {
    return ['--directory', this.host.nginx.frontDoor];
  }

  private get imageEnv(): Record<string, string> {
    return {
      IMAGE_DIR: this.volume,
      IMAGE_MIN_FREE_PCT: '0',
      BACKUP_DIR: join(this.host.root, 'database-backups'),
    };
  }
}

interface RollbackTimes {
  readonly beganMs: number;
  /** When all HTTP went to blue. */
  readonly httpAtMs: number;
  readonly httpMs: number;
  readonly socketsMs: number;
}

export interface Reconciliation {
  readonly posts: number;
  readonly failed: readonly Post[];
  readonly lost: readonly string[];
  readonly uncertain: readonly string[];
  readonly doubled: readonly string[];
  /** Records of what Samserver could not pass on. */
  readonly owed: number;
}

async function picturesIn(directory: string): Promise<string[]> {
  const names = [];
  for (const file of await filesBelow(directory)) {
    if (file.startsWith('.samserver')) continue;
    const bytes = await readFile(join(directory, file));
    names.push(`picture ${createHash('sha256').update(bytes).digest('hex')}`);
  }
  return names;
}

function add(copies: Map<string, number>, name: string): void {
  copies.set(name, (copies.get(name) ?? 0) + 1);
}
