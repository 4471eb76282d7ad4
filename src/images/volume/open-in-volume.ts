import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

export interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Readable by every user of the machine, and therefore by nginx. */
  readonly isReadableByAll: boolean;
}

/** Errors of the file system that mean: no such file. */
const NOT_FOUND_CODES = new Set([
  'ENOENT',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'EINVAL',
  'ERR_INVALID_ARG_VALUE',
]);

/**
 * Opens a plain file below a directory for reading.
 * @param onOutsideVolume called when the path leads out of the directory by `..` or a symbolic link
 * @returns null when the path leads to no file, to a directory, a pipe, or out of the directory
 * @throws any other error of the file system: the volume itself is at fault
 */
export async function openInVolume(
  directory: string,
  path: string,
  onOutsideVolume?: () => void,
): Promise<OpenFile | null> {
  try {
    const root = await realpath(directory);
    const target = await realpath(join(root, path));
    if (!target.startsWith(root + sep)) {
      onOutsideVolume?.();
      return null;
    }
    // O_NONBLOCK: opening a pipe would block. O_NOFOLLOW: the file may have become a link since `realpath`.
    const handle = await open(target, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat().catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    if (stats.isFile()) {
      const isReadableByAll = (stats.mode & constants.S_IROTH) !== 0;
      return { handle, sizeBytes: stats.size, mtimeMs: stats.mtimeMs, isReadableByAll };
    }
    await handle.close();
    return null;
  } catch (error) {
    if (NOT_FOUND_CODES.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
