import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import type { Store } from './store.js';

/** Limit for the path of a Unix socket, bytes: the lowest of the supported systems (macOS: 104 with the final zero). */
const MAX_SOCKET_PATH_BYTES = 103;

const GENERATION_KEY = Buffer.from([0, 0, 0, 0, 0x6c]);

/** Another process, or another part of this one, serves this directory. */
export class DirectoryInUseError extends Error {
  /** The worker thread sends it to the main thread. */
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string) {
    super(`the embedded database in ${directory} is already served by another process; stop that one first`);
  }
}

/**
 * Ensures one process per directory. LMDB would allow two processes to write in turn, but each has a catalog in memory
 * that the other one makes wrong.
 *
 * The lock is a listening Unix socket in the directory. A successful connection proves that the owner is alive. When the
 * owner ends, even by `kill -9`, the kernel closes the listener and refuses connections. So no age and no process id has
 * to be compared; process ids would be wrong in containers that share a volume (each has its own process 1).
 * Two processes could find the same dead socket and both replace it. Therefore the first one increments a number in the
 * database, in a write transaction, which LMDB grants to one process at a time. The second one finds another number than
 * the one it read before its check, and checks again.
 */
export async function acquireDirectoryLock(directory: string, store: Store): Promise<Server> {
  const path = socketPath(directory);
  for (;;) {
    const generation = generationIn(store);
    if (await isAlive(path)) throw new DirectoryInUseError(directory);
    const bound = await store.write(() => {
      if (generationIn(store) !== generation) return null;
      store.put(GENERATION_KEY, Buffer.from(String(generation + 1)));
      rmSync(path, { force: true });
      // `listen` binds at once, so the next process that checks finds the socket.
      return {
        server: listening(
          createServer((socket) => socket.destroy())
            .listen(path)
            .unref(),
        ),
      };
    });
    if (bound) return bound.server;
  }
}

const generationIn = (store: Store): number => Number(store.get(GENERATION_KEY) ?? 0);

function socketPath(directory: string): string {
  const absolute = join(directory, 'owner.sock');
  const fromHere = relative(process.cwd(), absolute);
  const path = fromHere.length < absolute.length ? fromHere : absolute;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES)
    throw new Error(
      `the path ${path} is longer than ${MAX_SOCKET_PATH_BYTES} bytes; choose a shorter data directory`,
    );
  return path;
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', ({ code, message }: NodeJS.ErrnoException) => {
      if (code === 'ENOENT' || code === 'ECONNREFUSED') resolve(false);
      // The backlog is full: the owner is alive and busy.
      else if (code === 'EAGAIN' || code === 'ECONNRESET') resolve(true);
      else reject(new Error(`cannot check whether ${path} has an owner: ${message}`));
    });
  });
}

/** Resolves when the server listens. @throws Error with a `code` such as EADDRINUSE */
export function listening(server: Server): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
