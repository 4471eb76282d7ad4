import { isUtf8 } from 'node:buffer';
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { MARKER_FILE, WORK_DIRECTORY } from '../../images/volume/index.js';
import { DirectoryNames } from './directory-names.js';

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

const SERVICE_FILES = new Set([MARKER_FILE, WORK_DIRECTORY, 'lost+found']);
/** Enough concurrent `stat` calls for a network file system with a high latency. */
const STAT_CONCURRENCY = 32;

type OnFault = (fault: TreeFault) => void;

/**
 * Every plain file below `root` in the order of `comparePaths`, without the files of the service itself. It keeps in
 * memory only the names in the directories from the root to the current one. A file that is deleted meanwhile is left out.
 */
export async function* walkTree(root: string, onFault: OnFault): AsyncGenerator<TreeFile, void, undefined> {
  for await (const { paths } of walkNames(root, onFault)) {
    const stats = await Promise.all(paths.map((path) => statOf(root, path)));
    for (const [index, path] of paths.entries()) {
      const found = stats[index];
      if (!found) continue;
      if (found instanceof Error) {
        if (found.code !== 'ENOENT') onFault({ path, reason: reasonOf(found) });
      } else if (!found.isFile())
        onFault({ path, reason: found.isSymbolicLink() ? 'symbolic link' : 'no plain file' });
      else yield { path, sizeBytes: found.size, mtimeMs: Math.round(found.mtimeMs) };
    }
  }
}

/** The number of files that `walkTree` finds, without a `stat` of each: links and other special files count too. */
export async function countFiles(root: string, onFiles: (count: number) => void): Promise<void> {
  for await (const { paths } of walkNames(root, () => undefined)) onFiles(paths.length);
}

interface OpenDirectory {
  /** Relative to the root; empty, or with a `/` at the end. */
  readonly path: string;
  readonly names: DirectoryNames;
  next: number;
}

/** Everything that is no directory, at most STAT_CONCURRENCY paths of one directory at a time. */
async function* walkNames(
  root: string,
  onFault: OnFault,
): AsyncGenerator<{ readonly paths: string[] }, void, undefined> {
  const open = async (path: string): Promise<OpenDirectory[]> => {
    try {
      return [{ path, names: await DirectoryNames.read(join(root, path)), next: 0 }];
    } catch (error) {
      // A directory that was deleted since its parent was read has no files. The root must exist.
      if (path === '' || (error as NodeJS.ErrnoException).code !== 'ENOENT')
        onFault({ path: path === '' ? '.' : path.slice(0, -1), reason: reasonOf(error) });
      return [];
    }
  };
  // The directories from the root to the current one.
  const stack = await open('');
  for (let directory = stack.at(-1); directory; directory = stack.at(-1)) {
    const { names } = directory;
    const paths: string[] = [];
    let below: string | null = null;
    while (directory.next < names.length && paths.length < STAT_CONCURRENCY && below === null) {
      const isDirectory = names.isDirectory(directory.next);
      const name = names.at(directory.next++);
      const path = directory.path + name.toString();
      if (directory.path === '' && SERVICE_FILES.has(isDirectory ? path.slice(0, -1) : path)) continue;
      if (!isUtf8(name)) onFault({ path, reason: 'the name is not UTF-8' });
      else if (isDirectory) below = path;
      else paths.push(path);
    }
    if (paths.length > 0) yield { paths };
    if (below !== null) stack.push(...(await open(below)));
    else if (directory.next === names.length) stack.pop();
  }
}

function statOf(root: string, path: string): Promise<Stats | NodeJS.ErrnoException> {
  return lstat(join(root, path)).catch((error: NodeJS.ErrnoException) => error);
}

export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: unknown; message?: string };
  return typeof code === 'string' ? code : (message ?? String(error));
}
