import { open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './durable-files.js';
import { MARKER_FILE } from './volume-layout.js';

const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What stands in the marker is no id: somebody else's file, or half of one. */
export class InvalidMarkerError extends Error {}

/**
 * The deployment that the directory is marked as belonging to; null when it is not.
 * @throws InvalidMarkerError, and the system's errors when it cannot be read
 */
export async function readMarker(directory: string): Promise<string | null> {
  try {
    const path = join(directory, MARKER_FILE);
    const id = (await readFile(path, 'utf8')).trim();
    if (!ID.test(id)) throw new InvalidMarkerError(`${path} does not hold the id of a deployment`);
    return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all, and there after a power cut. */
export async function writeMarker(directory: string, deploymentId: string): Promise<void> {
  const temporary = join(directory, `${MARKER_FILE}.${process.pid}.tmp`);
  const file = await open(temporary, 'w', 0o644);
  try {
    await file.writeFile(`${deploymentId}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(directory, MARKER_FILE));
  await syncDirectory(directory);
}

/** Nothing is in it but what a file system puts there itself. */
export async function isEmptyDirectory(directory: string): Promise<boolean> {
  const names = await readdir(directory);
  return names.every((name) => name === 'lost+found');
}
