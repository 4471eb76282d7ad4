import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Files of a backup that are looked at; `mongodump` writes two for each collection. */
const MAX_INSPECTED_FILES = 10_000;

export type Backup =
  | { readonly kind: 'none' | 'missing' | 'empty' }
  /** Epoch milliseconds of the newest file that is not empty. */
  | { readonly kind: 'found'; readonly changedAtMs: number };

/**
 * What lies at the path that is said to be a backup: a file, or a directory as `mongodump` writes it.
 * @throws Error when it may not be read
 */
export async function inspectBackup(path: string | undefined): Promise<Backup> {
  if (path === undefined) return { kind: 'none' };
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (!found) return { kind: 'missing' };
  const files = found.isDirectory() ? await filesIn(path) : [found];
  const changes = files.filter(({ size }) => size > 0).map(({ mtimeMs }) => mtimeMs);
  return changes.length === 0 ? { kind: 'empty' } : { kind: 'found', changedAtMs: Math.max(...changes) };
}

async function filesIn(directory: string): Promise<{ size: number; mtimeMs: number }[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).slice(0, MAX_INSPECTED_FILES);
  return Promise.all(files.map(({ parentPath, name }) => stat(join(parentPath, name))));
}
