import { createHash } from 'node:crypto';
import { readdir, readFile, readlink, realpath } from 'node:fs/promises';
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
  const name = `\0${await lockName(directory)}`;
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

/**
 * Ends the process that has the lock and does not react, by its id in the journal: a suspended command could act when it
 * continues. A process with the same id and without the lock is left alone.
 * @returns whether a process was ended
 */
export async function killLockOwner(directory: string, pid: number): Promise<boolean> {
  const inode = await inodeOf(await lockName(directory));
  if (inode === null || pid === process.pid || !(await hasSocket(pid, inode))) return false;
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

/** Without the zero byte in front. */
export async function lockName(directory: string): Promise<string> {
  const path = await realpath(directory).catch(() => directory);
  return `samserver-shift-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;
}

/** The kernel shows a zero byte of an abstract name as `@`: the first one, and those that fill the name up. */
async function inodeOf(name: string): Promise<string | null> {
  const lines = (await readFile('/proc/net/unix', 'utf8').catch(() => '')).split('\n');
  const line = lines.find((each) => each.includes(` @${name}`));
  return line?.trim().split(/\s+/)[6] ?? null;
}

async function hasSocket(pid: number, inode: string): Promise<boolean> {
  const directory = `/proc/${pid}/fd`;
  const names = await readdir(directory).catch(() => []);
  const links = await Promise.all(names.map((name) => readlink(`${directory}/${name}`).catch(() => '')));
  return links.includes(`socket:[${inode}]`);
}
