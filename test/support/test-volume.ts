import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const DEPLOYMENT_ID = '6f1d0c1e-3f55-4b83-9d2e-0d7c3b0f5a10';

export interface TestVolume {
  readonly path: string;
  /** Settings of a service that uses this volume. */
  readonly env: Record<string, string>;
  remove(): Promise<void>;
}

/** A new image volume, marked as `samserver init` does. */
export async function createTestVolume(): Promise<TestVolume> {
  const path = await mkdtemp(join(tmpdir(), 'samserver-images-'));
  await writeFile(join(path, '.samserver-volume'), `${DEPLOYMENT_ID}\n`);
  return {
    path,
    // The tests must not depend on the free space of the machine.
    env: { IMAGE_DIR: path, IMAGE_MIN_FREE_PCT: '0' },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** Every file below a directory, sorted, with `/`. */
export async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
