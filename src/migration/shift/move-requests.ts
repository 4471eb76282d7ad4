import { randomUUID } from 'node:crypto';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What another terminal asks of the command that runs. */
export interface MoveRequest {
  readonly id: string;
  /** `yield`: a command that only watches ends, so that another one can go on. */
  readonly kind: 'hold' | 'rollback' | 'yield';
  readonly by: string;
  readonly why: string;
  /** Epoch milliseconds. The other terminal acts itself, or gives up, after `REACTION_LIMIT_MS`. */
  readonly atMs: number;
}

/** How long a request can be taken. */
export const REACTION_LIMIT_MS = 2_000;

const FILE = 'request';
/** The file has this size from the start on, so a request needs no space on a full disk. */
const SIZE_BYTES = 2_048;

export async function prepareRequests(directory: string): Promise<void> {
  await writeFile(join(directory, FILE), ' '.repeat(SIZE_BYTES), { mode: 0o600, flush: true });
}

/** @param request `by` up to 100 and `why` up to 200 characters */
export async function leaveRequest(
  directory: string,
  request: Omit<MoveRequest, 'id' | 'atMs'>,
): Promise<MoveRequest> {
  const left = { ...request, id: randomUUID(), atMs: Date.now() };
  const path = join(directory, FILE);
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return open(path, 'w', 0o600);
  });
  try {
    await file.write(Buffer.from(JSON.stringify(left).padEnd(SIZE_BYTES)), 0, SIZE_BYTES, 0);
  } finally {
    await file.close();
  }
  return left;
}

/** The last request, taken or not; null when there is none. */
export async function readRequest(directory: string): Promise<MoveRequest | null> {
  const text = await readFile(join(directory, FILE), 'utf8').catch(() => '');
  try {
    const request = JSON.parse(text) as Partial<MoveRequest> | null;
    return typeof request?.id === 'string' ? (request as MoveRequest) : null;
  } catch {
    return null;
  }
}
