import { readFile, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { programOutput, UnreadableInputError } from '../bounded-input.js';
import { LEGACY_SETTINGS } from '../../../config/index.js';
import { type Check, failed, notChecked, ok, warning } from '../check.js';
import { megabytes } from '../texts.js';
import { holderText } from '../traffic/traffic.checks.js';
import type { Listener, SocketTools } from '../traffic/sockets.js';
import type { PictureVolume } from './pictures.js';

const PROGRAM_TIMEOUT_MS = 10_000;
const MAX_OUTPUT_BYTES = 1_000_000;
/** The oldest engine that the compose files are tested with. */
const MIN_ENGINE = [20, 10] as const;
/** The limit of one instance in docker/compose.yml, and what nginx needs beside it. */
const MIN_MEMORY_BYTES = 512_000_000;
/** Two instances of a colour, with a reserve for the page cache. */
const GOOD_MEMORY_BYTES = 1_200_000_000;

export async function checkEngine({ path, signal }: SocketTools): Promise<Check> {
  const options = { path, timeoutMs: PROGRAM_TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES, signal };
  const todo = 'install Docker Engine 20.10 or newer, or give --on-host to run Samserver without a container';
  let engine: string;
  try {
    engine = (await programOutput('docker', ['version', '--format', '{{.Server.Version}}'], options)).trim();
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    return failed('machine.engine', error.message, todo);
  }
  const [major = NaN, minor = NaN] = engine.split('.', 2).map(Number);
  const isOld = !(major > MIN_ENGINE[0] || (major === MIN_ENGINE[0] && minor >= MIN_ENGINE[1]));
  if (isOld) return failed('machine.engine', `engine ${engine}`, todo);
  const compose = await composeVersion(options);
  return compose === null
    ? warning(
        'machine.engine',
        `engine ${engine}, no Compose`,
        'install docker-compose 1.29 or the Compose v2 plugin',
      )
    : ok('machine.engine', `engine ${engine}, ${compose}`);
}

async function composeVersion(options: Parameters<typeof programOutput>[2]): Promise<string | null> {
  for (const [program, ...args] of [
    ['docker', 'compose', 'version', '--short'],
    ['docker-compose', 'version', '--short'],
  ] as const) {
    const version = await programOutput(program, args, options).catch(() => null);
    if (version !== null) return `Compose ${version.trim()}`;
  }
  return null;
}

export async function checkMemory(): Promise<Check> {
  const text = await readFile('/proc/meminfo', 'utf8').catch(() => '');
  const kilobytes = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(text)?.[1]);
  if (Number.isNaN(kilobytes))
    return notChecked('machine.memory', '/proc/meminfo does not contain it', 'free -m');
  return memoryCheck(kilobytes * 1_024);
}

export function memoryCheck(availableBytes: number): Check {
  const seen = `${megabytes(availableBytes)} available`;
  const todo = 'add memory, or run one instance (SECOND_INSTANCE=0)';
  if (availableBytes < MIN_MEMORY_BYTES)
    return failed('machine.memory', `${seen}; one instance needs ${megabytes(MIN_MEMORY_BYTES)}`, todo);
  return availableBytes < GOOD_MEMORY_BYTES
    ? warning('machine.memory', `${seen}; two instances need ${megabytes(GOOD_MEMORY_BYTES)}`, todo)
    : ok('machine.memory', seen);
}

/** Listens on each port for a moment, which proves that it is free. */
export async function checkNewPorts(
  ports: readonly number[],
  listeners: readonly Listener[],
): Promise<Check> {
  const faults: string[] = [];
  for (const port of ports) {
    const code = await listenCode(port);
    if (code === null) continue;
    const holder = listeners.find((each) => each.port === port);
    faults.push(`${port}: ${holder ? `held by ${holderText(holder)}` : code}`);
  }
  const seen = ports.map(String).join(', ');
  return faults.length === 0
    ? ok('machine.ports', `${seen} are free`)
    : failed(
        'machine.ports',
        faults.join(', '),
        'free the port, or choose others with --http-port and --socket-port',
      );
}

function listenCode(port: number): Promise<string | null> {
  const server = createServer();
  return new Promise((settle) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => settle(code ?? 'unknown'));
    server.listen(port, () => server.close(() => settle(null)));
  });
}

/** Days of pictures that Samserver keeps of its own while both servers run, and that the old server may go on adding. */
const OWN_DAYS = 2;
const PARALLEL_DAYS = 7;
const RESERVE_BYTES = 2_000_000_000;
/** The spool and the tee, each at its limit. */
const SPOOL_BYTES = 2 * Number(LEGACY_SETTINGS.LEGACY_SPOOL_MAX_BYTES.default);
/** Below it readiness is degraded. */
const MIN_FREE_SHARE = 0.1;

export async function checkDisk({ directory, bytesADay }: PictureVolume): Promise<Check> {
  const found = await statfs(directory).catch((error: NodeJS.ErrnoException) => error.code ?? 'unknown');
  if (typeof found === 'string')
    return notChecked(
      'machine.disk',
      `${directory}: ${found}`,
      `df ${directory}, as a user that can read it`,
    );
  const { bavail, blocks, bsize } = found;
  return diskCheck({ freeBytes: bavail * bsize, totalBytes: blocks * bsize, bytesADay });
}

export function diskCheck({
  freeBytes,
  totalBytes,
  bytesADay,
}: {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly bytesADay: number | null;
}): Check {
  const needBytes = RESERVE_BYTES + SPOOL_BYTES + (OWN_DAYS + PARALLEL_DAYS) * (bytesADay ?? 0);
  const day = bytesADay === null ? 'pictures of a day unknown' : `${megabytes(bytesADay)} of pictures a day`;
  const seen = `${megabytes(freeBytes)} free of ${megabytes(totalBytes)}, ${day}`;
  const todo =
    `free space: ${megabytes(needBytes)} are needed for ${PARALLEL_DAYS} days of both servers, of which ` +
    `${megabytes(SPOOL_BYTES)} are for the spool and the tee (LEGACY_SPOOL_MAX_BYTES for each, in LEGACY_SPOOL_DIR)`;
  if (freeBytes < needBytes) return failed('machine.disk', seen, todo);
  if (bytesADay === null)
    return warning('machine.disk', seen, 'compare the free space with du -s of one day of pictures');
  return freeBytes - needBytes < MIN_FREE_SHARE * totalBytes
    ? warning('machine.disk', seen, `${todo}, and readiness is degraded below 10 % free`)
    : ok('machine.disk', seen);
}

export async function checkNtp({ path, signal }: SocketTools): Promise<Check> {
  const todo = 'chronyc tracking, or ntpq -p, on the machine that keeps the time';
  try {
    const args = ['show', '--property=NTPSynchronized', '--value'];
    const options = { path, timeoutMs: PROGRAM_TIMEOUT_MS, maxBytes: MAX_OUTPUT_BYTES, signal };
    const answer = (await programOutput('timedatectl', args, options)).trim();
    if (answer === 'yes') return ok('machine.ntp', 'synchronised, says timedatectl');
    if (answer === 'no')
      return warning('machine.ntp', 'not synchronised, says timedatectl', 'timedatectl set-ntp true');
    return notChecked('machine.ntp', 'timedatectl does not report it', todo);
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    return notChecked('machine.ntp', `no NTP status: ${error.message}`, todo);
  }
}
