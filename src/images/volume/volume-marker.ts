import { opendir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from './durable-files.js';
import { MARKER_FILE } from './volume-layout.js';

const DEPLOYMENT_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The marker file does not contain a deployment id. */
export class InvalidMarkerError extends Error {}

/**
 * The id of the deployment that the directory belongs to; null when it has no marker.
 * @throws InvalidMarkerError, and the error of the file system when the marker cannot be read
 */
export async function readMarker(directory: string): Promise<string | null> {
  try {
    const path = join(directory, MARKER_FILE);
    const id = (await readFile(path, 'utf8')).trim();
    if (!DEPLOYMENT_ID.test(id)) throw new InvalidMarkerError(`${path} does not contain a deployment id`);
    return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

export async function writeMarker(directory: string, deploymentId: string): Promise<void> {
  await replaceDurably(join(directory, MARKER_FILE), `${deploymentId}\n`);
}

/** Ignores the directory that a file system creates itself. */
export async function isEmptyDirectory(directory: string): Promise<boolean> {
  for await (const { name } of await opendir(directory)) if (name !== 'lost+found') return false;
  return true;
}
