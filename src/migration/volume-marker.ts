import { open, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** In the picture volume; holds the id of the deployment that it belongs to. */
export const MARKER = '.samserver-volume';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The id of the deployment whose volume this is; null: not marked.
 * @throws Error when the directory is not there, or the marker is not one of ours
 */
export async function readMarker(directory: string): Promise<string | null> {
  const isDirectory = await stat(directory).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isDirectory)
    throw new Error(`IMAGE_DIR: ${directory} is no directory; make it, or mount the volume, first`);
  const path = join(directory, MARKER);
  const content = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (content === null) return null;
  const id = content.trim();
  if (!ID.test(id)) throw new Error(`${path} does not hold the id of a deployment`);
  return id;
}

/** Whole or not at all, and on the disk when it resolves. */
export async function writeMarker(directory: string, id: string): Promise<void> {
  const path = join(directory, MARKER);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(`${id}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const entries = await open(directory);
  try {
    await entries.sync();
  } finally {
    await entries.close();
  }
}
