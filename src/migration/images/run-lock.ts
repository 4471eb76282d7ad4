import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';

const SOCKET_NAME = /^run-[0-9a-f-]{36}\.sock$/;
/** Limit for the path of a Unix socket, bytes: the lowest of the supported systems (macOS: 104 with the final zero). */
const MAX_SOCKET_PATH_BYTES = 103;
/** The directory is read-only, or its file system has no sockets. */
const CANNOT_LOCK = new Set(['EROFS', 'EACCES', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL']);

/**
 * Runs `work` while no other process of this machine works in the directory. The lock is a listening Unix socket: a
 * connection that succeeds proves that its owner is alive, also in another container, and the kernel closes it when the
 * owner ends, even by `kill -9`. Each run listens first and looks for others then, so two cannot miss each other; of two
 * that start at the same moment both can be refused.
 * @param onUnprotected called when the directory can hold no lock; `work` runs without one
 * @throws CommandError TEMPORARY_FAILURE when another run works there
 */
export async function withRunLock<T>(
  directory: string,
  onUnprotected: (reason: string) => void,
  work: () => Promise<T>,
): Promise<T> {
  const own = `run-${randomUUID()}.sock`;
  let release: () => Promise<void>;
  try {
    await mkdir(directory, { recursive: true });
    release = await listen(directory, own);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!CANNOT_LOCK.has(code)) throw error;
    onUnprotected(code);
    return work();
  }
  try {
    for (const name of await readdir(directory)) {
      if (!SOCKET_NAME.test(name) || name === own) continue;
      if (await isAlive(directory, name))
        throw new CommandError(
          `another samserver command works in ${directory}: wait until it ends`,
          EXIT_CODES.TEMPORARY_FAILURE,
        );
      await rm(join(directory, name), { force: true });
    }
    return await work();
  } finally {
    await release();
  }
}

async function listen(directory: string, name: string): Promise<() => Promise<void>> {
  return withShortPath(directory, name, async (path) => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      // For all users: each of them must be able to see that the owner is alive.
      server.listen({ path, readableAll: true, writableAll: true }, resolve);
    });
    server.unref();
    return async () => {
      await rm(join(directory, name), { force: true });
      server.close();
    };
  });
}

function isAlive(directory: string, name: string): Promise<boolean> {
  return withShortPath(
    directory,
    name,
    (path) =>
      new Promise((resolve) => {
        const socket = connect(path);
        socket.once('connect', () => {
          socket.destroy();
          resolve(true);
        });
        // A full backlog and missing rights prove no end of the owner.
        socket.once('error', ({ code }: NodeJS.ErrnoException) =>
          resolve(code !== 'ENOENT' && code !== 'ECONNREFUSED'),
        );
      }),
  );
}

/** A path that is too long for a socket goes through a descriptor of its directory (Linux). */
async function withShortPath<T>(
  directory: string,
  name: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(directory, name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return work(path);
  const handle = await open(directory, 'r');
  try {
    return await work(`/proc/self/fd/${handle.fd}/${name}`);
  } finally {
    await handle.close();
  }
}
