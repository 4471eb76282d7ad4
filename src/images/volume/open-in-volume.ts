import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, sep } from 'node:path';

export interface OpenFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** By every user of the machine, nginx's workers among them. */
  readonly isReadableByAll: boolean;
}

/** What a file system says of a name that leads to nothing one may have. */
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
 * Opens a plain file below a directory for reading; null for whatever else the name leads to: nothing, a directory, a
 * pipe, or a place outside by way of `..` or a symbolic link.
 * @param onOutsideVolume told of the latter: nobody comes there by chance
 * @throws what says that the volume itself is at fault
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
    // A pipe would be waited at for ever; a link that was put there since is not followed.
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
