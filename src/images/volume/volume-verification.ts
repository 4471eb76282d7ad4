import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceDurably } from './durable-files.js';
import { VERIFICATION_FILE } from './volume-layout.js';

/** The result of `samserver images verify`. */
export interface VolumeVerification {
  readonly files: number;
  /** ISO-8601 UTC. */
  readonly verifiedAt: string;
  /** Number of files and records with a finding. */
  readonly mismatched: number;
}

/** null: the volume was never verified, or the file cannot be read. */
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

export async function writeVerification(
  volume: string,
  result: VolumeVerification & { readonly mode: string },
): Promise<void> {
  await replaceDurably(join(volume, VERIFICATION_FILE), `${JSON.stringify(result)}\n`);
}
