import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERIFIED_FILE } from './volume-layout.js';

/** What a verification of the volume found. */
export interface VerifiedPictures {
  readonly files: number;
  /** ISO-8601 UTC. */
  readonly verifiedAt: string;
  /** How many of them, or of their records, are not as they should be. */
  readonly mismatched: number;
}

/** null: it was never verified, or nobody can read what came of it. */
export async function readVerified(volume: string): Promise<VerifiedPictures | null> {
  try {
    const { files, verifiedAt, mismatched } = JSON.parse(
      await readFile(join(volume, VERIFIED_FILE), 'utf8'),
    ) as VerifiedPictures;
    return { files, verifiedAt, mismatched };
  } catch {
    return null;
  }
}

/** Whole, so that no probe reads half of it. */
export async function writeVerified(
  volume: string,
  found: VerifiedPictures & { readonly mode: string },
): Promise<void> {
  const path = join(volume, VERIFIED_FILE);
  await writeFile(`${path}.tmp`, `${JSON.stringify(found)}\n`);
  await rename(`${path}.tmp`, path);
}
