import { createServer, type Server } from 'node:net';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';

/**
 * An abstract Unix socket: the kernel removes it when the process ends, also after `kill -9`. Its scope is the network of the
 * host, and so is that of the redirect.
 */
const LOCK_NAME = '\0samserver-front-door';

/** Runs `work` while no other process changes the front door. @throws CommandError TEMPORARY_FAILURE when one does */
export async function withFrontDoorLock<T>(work: () => Promise<T>): Promise<T> {
  const lock = await acquire();
  try {
    return await work();
  } finally {
    lock.close();
  }
}

function acquire(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new CommandError(
              'another `samserver front-door` command is at work; try again when it has ended',
              EXIT_CODES.TEMPORARY_FAILURE,
            )
          : error,
      ),
    );
    server.listen(LOCK_NAME, () => resolve(server));
  });
}
