import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const RECORDINGS = resolve(import.meta.dirname, '../old-machines');
const DAY_MS = 86_400_000;

/** Programs of the old machine: each prints what was recorded. */
const PROGRAMS: Readonly<Record<string, string>> = {
  pm2: 'echo "$@" >>"$PM2_HOME/calls"; cat "$PM2_HOME/jlist.json"',
  ss: 'case "$1" in -Htlnp) cat "@ROOT@/listeners.txt" ;; *) cat "@ROOT@/connections.txt" ;; esac',
  docker: 'if [ "$1" = compose ]; then echo 2.29.1; else echo 20.10.24; fi',
  timedatectl: 'echo yes',
};

interface MachineOptions {
  /** Values for the recorded files, by name without `@`. */
  readonly values: Readonly<Record<string, string>>;
  /** Time zone of the names of the picture folders. */
  readonly pictureZone?: string;
}

/** A machine with the old server, as recorded in `test/old-machines`, in a directory of its own. */
export class OldMachine {
  private daemon: Server | null = null;

  private constructor(readonly root: string) {}

  static async make(name: string, { values, pictureZone = 'UTC' }: MachineOptions): Promise<OldMachine> {
    const root = await mkdtemp(join(tmpdir(), 'old-machine-'));
    const machine = new OldMachine(root);
    for (const directory of ['pm2', 'bin', 'app/server'])
      await mkdir(join(root, directory), { recursive: true });
    await cp(join(RECORDINGS, 'common'), root, { recursive: true });
    await cp(join(RECORDINGS, name), root, { recursive: true });
    const now = Date.now();
    const all: Record<string, string> = {
      ROOT: root,
      '"@WEEK_AGO@"': String(now - 7 * DAY_MS),
      '"@YEAR_AGO@"': String(now - 365 * DAY_MS),
      ...values,
    };
    const moves: Record<string, string> = {
      'jlist.json': 'pm2/jlist.json',
      'dump.pm2': 'pm2/dump.pm2',
      'env.txt': 'app/server/.env',
    };
    for (const file of (await readdir(root, { withFileTypes: true })).filter((each) => each.isFile())) {
      const text = await readFile(join(root, file.name), 'utf8');
      await writeFile(join(root, moves[file.name] ?? file.name), replaced(text, all), { mode: 0o600 });
    }
    for (const [program, script] of Object.entries(PROGRAMS)) {
      const path = join(root, 'bin', program);
      await writeFile(path, `#!/bin/sh\n${replaced(script, all)}\n`);
      await chmod(path, 0o755);
    }
    await machine.addPictures(pictureZone);
    return machine;
  }

  get path(): string {
    return `${join(this.root, 'bin')}:/usr/bin:/bin`;
  }

  get home(): string {
    return join(this.root, 'pm2');
  }

  get pictures(): string {
    return join(this.root, 'app/public/uploads/ambulance_images');
  }

  /** A socket and a process id, by which PM2 is known to run. */
  async startDaemon(): Promise<void> {
    this.daemon = createServer((socket) => socket.end());
    await new Promise<void>((settle) => this.daemon?.listen(join(this.home, 'rpc.sock'), settle));
    await writeFile(join(this.home, 'pm2.pid'), String(process.pid));
  }

  /** How often the program `pm2` was called. */
  async pm2Calls(): Promise<number> {
    const calls = await readFile(join(this.home, 'calls'), 'utf8').catch(() => '');
    return calls.split('\n').length - 1;
  }

  async remove(): Promise<void> {
    await new Promise<void>((settle) => (this.daemon ? this.daemon.close(() => settle()) : settle()));
    await rm(this.root, { recursive: true, force: true });
  }

  /** Two boxes with pictures of yesterday and of now. */
  private async addPictures(timeZone: string): Promise<void> {
    for (const box of ['291', '292']) {
      for (const timeMs of [Date.now() - DAY_MS, Date.now()]) {
        const folder = join(this.pictures, box, ...localNames(timeMs, timeZone));
        await mkdir(folder, { recursive: true });
        const path = join(folder, '10_20_1234.jpg');
        await writeFile(path, Buffer.alloc(20_000));
        await utimes(path, timeMs / 1_000, timeMs / 1_000);
      }
    }
  }
}

function replaced(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce(
    (result, [name, value]) => result.replaceAll(name.startsWith('"') ? name : `@${name}@`, value),
    text,
  );
}

/** `<Y>/<M>/<D>/<H>_<m>` without leading zeros, as the old server names its folders. */
function localNames(timeMs: number, timeZone: string): string[] {
  const format = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const parts = Object.fromEntries(
    format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]),
  );
  return [parts['year'], parts['month'], parts['day'], `${parts['hour']}_${parts['minute']}`].map(String);
}
