import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MARKER_FILE, WORK_DIRECTORY } from '../../images/volume/index.js';
import { comparePaths } from './path-order.js';

/** A plain file below the directory walked. */
export interface TreeFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** An entry that is no plain file or cannot be read. It is always reported. */
export interface TreeFault {
  readonly path: string;
  readonly reason: string;
}

const SERVICE_FILES = new Set([MARKER_FILE, WORK_DIRECTORY]);
/** Enough concurrent `stat` calls for a network file system with a high latency. */
const STAT_CONCURRENCY = 32;

/**
 * Every plain file below `root` in the order of `comparePaths`, without the files of the service itself. It keeps in
 * memory only the entries of the directories from the root to the current one.
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

/** A directory sorts with its slash, like the paths below it. */
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
      if (path.includes('\ufffd')) onFault({ path, reason: 'the name is not UTF-8' });
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
