import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MARKER_FILE, WORK_DIRECTORY } from '../../images/index.js';
import { comparePaths } from './path-order.js';

/** A plain file below the directory walked. */
export interface TreeFile {
  /** With `/`, relative. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** What lies there and cannot be taken for a picture: never passed over in silence. */
export interface TreeFault {
  readonly path: string;
  readonly reason: string;
}

const SERVICE_FILES = new Set([MARKER_FILE, WORK_DIRECTORY]);
/** So many stats at once keep a network file system busy and cost next to nothing. */
const STAT_CONCURRENCY = 32;

/**
 * Every plain file below `root`, in the order of paths, whatever the order in which the file system gives them; memory
 * for the names of the directories from the root to where it is. What belongs to the service itself is left out.
 */
export async function* walkTree(
  root: string,
  onFault: (fault: TreeFault) => void,
): AsyncGenerator<TreeFile, void, undefined> {
  yield* walk(root, '', onFault);
}

async function* walk(
  root: string,
  directory: string,
  onFault: (fault: TreeFault) => void,
): AsyncGenerator<TreeFile, void, undefined> {
  const entries = await entriesOf(root, directory, onFault);
  for (let at = 0; at < entries.length; at += STAT_CONCURRENCY) {
    const some = entries.slice(at, at + STAT_CONCURRENCY);
    const stats = await Promise.all(
      some.map(({ path, isDirectory }) => (isDirectory ? Promise.resolve(null) : statOf(root, path))),
    );
    for (const [index, { path, isDirectory }] of some.entries()) {
      const found = stats[index];
      if (isDirectory) yield* walk(root, path, onFault);
      else if (!found) continue;
      else if (found instanceof Error || 'code' in found) onFault({ path, reason: reasonOf(found) });
      else if (!found.isFile())
        onFault({ path, reason: found.isSymbolicLink() ? 'symbolic link' : 'no plain file' });
      else yield { path, sizeBytes: found.size, mtimeMs: Math.round(found.mtimeMs) };
    }
  }
}

interface Entry {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** A directory sorts as what is below it does: with its slash. */
async function entriesOf(
  root: string,
  directory: string,
  onFault: (fault: TreeFault) => void,
): Promise<Entry[]> {
  try {
    const found = await readdir(join(root, directory), { withFileTypes: true });
    const entries = found
      .filter(({ name }) => directory !== '' || !(SERVICE_FILES.has(name) || name === 'lost+found'))
      .map((entry) => ({
        path: directory === '' ? entry.name : `${directory}/${entry.name}`,
        isDirectory: entry.isDirectory(),
      }));
    const key = ({ path, isDirectory }: Entry): string => (isDirectory ? `${path}/` : path);
    const good = entries.filter(({ path }) => !path.includes('\ufffd'));
    for (const { path } of entries)
      if (path.includes('\ufffd')) onFault({ path, reason: 'its name is no UTF-8' });
    return good.sort((one, other) => comparePaths(key(one), key(other)));
  } catch (error) {
    onFault({ path: directory === '' ? '.' : directory, reason: reasonOf(error) });
    return [];
  }
}

function statOf(root: string, path: string): Promise<Stats | NodeJS.ErrnoException> {
  return lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => error);
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === 'string' ? code : (message ?? String(error));
}
