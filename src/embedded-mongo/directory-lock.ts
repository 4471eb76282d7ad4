import { rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import type { Store } from './store.js';

/** The shortest limit of the systems this runs on for a Unix socket's path (macOS: 104 with its end), bytes. */
const MAX_SOCKET_PATH_BYTES = 103;

const GENERATION_KEY = Buffer.from([0, 0, 0, 0, 0x6c]);

/** Another process, or another part of this one, serves this directory. */
export class DirectoryInUseError extends Error {
  /** Told across the worker's thread too. */
  readonly code = 'DIRECTORY_IN_USE';

  constructor(directory: string) {
    super(`the embedded database in ${directory} is already served by another process; stop that one first`);
  }
}

/**
 * One process per directory: LMDB would let two of them write in turn, each with a catalog in memory that the other makes
 * wrong.
 *
 * The lock is a listening Unix socket in the directory. Who can connect to it knows that its owner lives; when the owner
 * dies, even by `kill -9`, the kernel closes the listener and connecting is refused, so nothing has to be judged stale by
 * its age or by a process id, which containers that share a volume would get wrong (each has its own process 1).
 * Two processes could find the same dead socket and both replace it; so whoever replaces it first raises a number in the
 * database, in a write transaction, which LMDB grants to one process at a time: the second sees that the number is no
 * longer the one it read before it looked, and looks again.
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
      // Binds before it returns: the next process to look finds it.
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
      // A full backlog is an owner too busy to answer.
      else if (code === 'EAGAIN' || code === 'ECONNRESET') resolve(true);
      else reject(new Error(`cannot tell whether ${path} has an owner: ${message}`));
    });
  });
}

/** Resolves when it listens. @throws Error with `code` EADDRINUSE and the like */
export function listening(server: Server): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}
