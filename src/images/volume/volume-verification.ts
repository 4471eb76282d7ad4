import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VERIFICATION_FILE } from './volume-layout.js';

/** What a verification of the volume found. */
export interface VolumeVerification {
  readonly files: number;
  /** ISO-8601 UTC. */
  readonly verifiedAt: string;
  /** How many of them, or of their records, are not as they should be. */
  readonly mismatched: number;
}

/** null: it was never verified, or nobody can read what came of it. */
export async function readVerification(volume: string): Promise<VolumeVerification | null> {
  try {
    const { files, verifiedAt, mismatched } = JSON.parse(
      await readFile(join(volume, VERIFICATION_FILE), 'utf8'),
    ) as VolumeVerification;
    return { files, verifiedAt, mismatched };
  } catch {
    return null;
  }
}

/** Whole, so that no probe reads half of it. */
export async function writeVerification(
  volume: string,
  found: VolumeVerification & { readonly mode: string },
): Promise<void> {
  const path = join(volume, VERIFICATION_FILE);
  await writeFile(`${path}.tmp`, `${JSON.stringify(found)}\n`);
  await rename(`${path}.tmp`, path);
}
