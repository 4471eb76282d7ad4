import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';

/**
 * An abstract Unix socket: the kernel removes it when the process ends, also after `kill -9`. Its scope is the network of the
 * host, and so is that of the redirect.
 */
const LOCK_NAME = '\0samserver-front-door';

const RETRY_PAUSE_MS = 100;

/**
 * Runs `work` while no other process changes the front door.
 * @param waitMs how long to wait for the other process
 * @throws CommandError TEMPORARY_FAILURE when another process is at work
 */
export async function withFrontDoorLock<T>(work: () => Promise<T>, waitMs = 0): Promise<T> {
  const endMs = performance.now() + waitMs;
  let lock = await acquire();
  while (lock === null && performance.now() < endMs) {
    await sleep(RETRY_PAUSE_MS);
    lock = await acquire();
  }
  if (lock === null)
    throw new CommandError(
      'another `samserver front-door` command is at work; try again when it has ended',
      EXIT_CODES.TEMPORARY_FAILURE,
    );
  try {
    return await work();
  } finally {
    lock.close();
  }
}

/** @returns null when another process has the lock */
function acquire(): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(LOCK_NAME, () => resolve(server));
  });
}
