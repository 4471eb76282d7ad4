import { connect } from 'node:net';
import { lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { programOutput, readSmallFile, UnreadableInputError } from '../bounded-input.js';

/** A process list of some hundred processes, each with a large environment. */
const MAX_LIST_BYTES = 16_000_000;
const PM2_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 2_000;

/** The process list of PM2 as text. */
export interface Pm2List {
  readonly kind: 'live' | 'dump' | 'recorded';
  readonly text: string;
  /** Where the text comes from. */
  readonly place: string;
  /** Why the running PM2 could not be asked. Null for the live list. */
  readonly reason: string | null;
}

export interface Pm2Options {
  readonly home: string;
  readonly program: string;
  /** A recorded output of `pm2 jlist`, in place of a running PM2. */
  readonly recorded?: string;
  readonly path: string;
  readonly signal: AbortSignal;
}

/**
 * The list of the running PM2, else `dump.pm2`. `pm2 jlist` starts a daemon when none runs, so it is called only when the
 * daemon's process and socket answer, and as the owner of PM2_HOME.
 * @throws UnreadableInputError when there is neither
 */
export async function readPm2List(options: Pm2Options): Promise<Pm2List> {
  if (options.recorded !== undefined) {
    const { text } = await readSmallFile(options.recorded, MAX_LIST_BYTES);
    return { kind: 'recorded', text, place: options.recorded, reason: 'a recorded list was given' };
  }
  try {
    return {
      kind: 'live',
      text: await liveList(options),
      place: `pm2 jlist (${options.home})`,
      reason: null,
    };
  } catch (error) {
    if (!(error instanceof UnreadableInputError)) throw error;
    const place = join(options.home, 'dump.pm2');
    const { text } = await readSmallFile(place, MAX_LIST_BYTES).catch((noDump: Error) => {
      throw new UnreadableInputError(`${error.message}; ${noDump.message}`);
    });
    return { kind: 'dump', text, place, reason: error.message };
  }
}

async function liveList(options: Pm2Options): Promise<string> {
  const pid = await runningDaemon(options.home);
  const text = await runPm2(options, ['jlist']);
  if ((await runningDaemon(options.home)) !== pid)
    throw new UnreadableInputError(`the PM2 daemon of ${options.home} changed while it was asked`);
  return text;
}

/**
 * Runs the program `pm2` as the owner of PM2_HOME. It starts a daemon when none runs: see `runningDaemon`.
 * @returns what it printed on stdout
 * @throws UnreadableInputError
 */
export async function runPm2(
  { home, program, path, signal }: Omit<Pm2Options, 'recorded'>,
  args: readonly string[],
): Promise<string> {
  const { uid, gid } = await lstat(home);
  const ownUid = process.getuid?.();
  if (ownUid !== 0 && ownUid !== uid)
    throw new UnreadableInputError(
      `PM2 belongs to uid ${uid}, and this command runs as uid ${ownUid ?? 'unknown'}: run it as that user or as root`,
    );
  return programOutput(program, ['--silent', ...args], {
    path,
    env: { PM2_HOME: home, HOME: dirname(home) },
    timeoutMs: PM2_TIMEOUT_MS,
    maxBytes: MAX_LIST_BYTES,
    ...(ownUid === 0 ? { user: { uid, gid } } : {}),
    signal,
  });
}

/** The process id of the daemon. @throws UnreadableInputError when it does not run */
export async function runningDaemon(home: string): Promise<number> {
  const { text } = await readSmallFile(join(home, 'pm2.pid'), 100);
  const pid = Number(/^\d{1,9}$/.exec(text.trim())?.[0]);
  if (!(pid > 1) || !isAlive(pid)) throw new UnreadableInputError(`no PM2 daemon runs with PM2_HOME ${home}`);
  await connectTo(join(home, 'rpc.sock'));
  return pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // The process exists and belongs to another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function connectTo(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const refuse = (reason: string): void => {
      socket.destroy();
      reject(new UnreadableInputError(`the socket of the PM2 daemon (${path}) does not answer (${reason})`));
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => refuse('timeout'));
    socket.once('error', (error: NodeJS.ErrnoException) => refuse(error.code ?? 'unknown'));
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });
}
