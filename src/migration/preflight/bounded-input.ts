import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';

/** Why an input could not be read, for the report. It never contains the input. */
export class UnreadableInputError extends Error {}

export interface FileStart {
  readonly text: string;
  readonly uid: number;
  /** Permission bits. */
  readonly mode: number;
}

/**
 * A whole text file.
 * @throws UnreadableInputError for a missing, unreadable or larger file, and for what is no file
 */
export async function readSmallFile(path: string, maxBytes: number): Promise<FileStart> {
  return withFile(path, async (file) => {
    const { size, uid, mode } = await file.stat();
    if (size > maxBytes)
      throw new UnreadableInputError(`${path} has ${size} bytes; the limit is ${maxBytes}`);
    return { text: await readAt(file, 0, maxBytes), uid, mode: mode & 0o777 };
  });
}

/**
 * The last bytes of a file that grows, from the start of a line on.
 * @throws UnreadableInputError
 */
export async function readFileEnd(path: string, maxBytes: number): Promise<string> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    const startAt = Math.max(0, size - maxBytes);
    const text = await readAt(file, startAt, maxBytes);
    return startAt === 0 ? text : text.slice(text.indexOf('\n') + 1);
  });
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle | null = null;
  try {
    // Opening a named pipe would wait for its writer.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!(await file.stat()).isFile()) throw new UnreadableInputError(`${path} is no file`);
    return await work(file);
  } catch (error) {
    if (error instanceof UnreadableInputError) throw error;
    throw new UnreadableInputError(
      `${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  } finally {
    await file?.close();
  }
}

async function readAt(file: FileHandle, startAt: number, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let sizeBytes = 0;
  while (sizeBytes < maxBytes) {
    const part = Buffer.allocUnsafe(Math.min(1_000_000, maxBytes - sizeBytes));
    const { bytesRead } = await file.read(part, 0, part.length, startAt + sizeBytes);
    if (bytesRead === 0) break;
    parts.push(part.subarray(0, bytesRead));
    sizeBytes += bytesRead;
  }
  return Buffer.concat(parts).toString('utf8');
}

export interface ProgramOptions {
  readonly path: string;
  /** The program gets these variables and PATH, and nothing else of this process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Other user and group; only root can set them. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

/**
 * What a program printed on stdout. The program and its children are killed at the limits of time and size.
 * @throws UnreadableInputError when the program is missing, fails, or exceeds a limit
 */
export function programOutput(
  program: string,
  args: readonly string[],
  { path, env = {}, timeoutMs, maxBytes, user, signal }: ProgramOptions,
): Promise<string> {
  // A program that was given with its directory finds its interpreter there (nvm).
  const searchPath = isAbsolute(program) ? `${dirname(program)}:${path}` : path;
  const child = spawn(program, args, {
    env: { ...env, PATH: searchPath },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'ignore'],
    // A group of its own, so that its children end with it.
    detached: true,
    ...user,
  });
  const killGroup = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The group has ended.
    }
  };
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let sizeBytes = 0;
    const end = (reason: string): void => {
      clearTimeout(timer);
      killGroup();
      child.stdout.destroy();
      reject(new UnreadableInputError(`${program}: ${reason}`));
    };
    const onAbort = (): void => end('interrupted');
    const timer = setTimeout(() => end(`no answer within ${timeoutMs / 1_000} s`), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    child.stdout.on('data', (part: Buffer) => {
      sizeBytes += part.length;
      if (sizeBytes > maxBytes) end(`more than ${maxBytes} bytes of output`);
      else parts.push(part);
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      end(
        error.code === 'ENOENT'
          ? 'not installed, or not in PATH'
          : `cannot be run (${error.code ?? 'unknown'})`,
      ),
    );
    child.once('close', (code) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      if (code === 0) resolve(Buffer.concat(parts).toString('utf8'));
      else reject(new UnreadableInputError(`${program}: ended with ${code ?? 'a signal'}`));
    });
  });
}
