import { createHash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';

/**
 * The right to write one journal. An abstract Unix socket, as for the front door: the kernel releases it when the process ends,
 * also after `kill -9`, and it needs no space on a full disk. A file with a process id would need both the id and its start
 * time to detect a dead owner. The journal names the owner (`MoveState.owner`).
 */
export interface MoveLock {
  release(): Promise<void>;
}

/** @returns null while another process has it */
export async function acquireMoveLock(directory: string): Promise<MoveLock | null> {
  const path = await realpath(directory).catch(() => directory);
  const name = `\0samserver-shift-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(name, () =>
      resolve({ release: () => new Promise((done) => void server.close(() => done())) }),
    );
  });
}
