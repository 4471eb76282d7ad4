import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { BackupCodec } from './backup-codec.js';
import type { BackupSet } from './backup-directory.js';
import type { BackupManifest, BackupPart } from './backup-manifest.js';
import { ContentSum, DamagedContentError, documentBatches } from './bson-stream.js';

/** Of one verification: the first ones show what is wrong. */
const MAX_FAULTS = 1_000;

/**
 * Compares all files of a set with its manifest.
 * @param codec null: only the files themselves, not the documents in them
 * @returns a line for each fault
 */
export async function verifySet(
  set: BackupSet,
  manifest: BackupManifest,
  codec: BackupCodec | null,
  signal: AbortSignal,
): Promise<string[]> {
  const faults: string[] = [];
  const parts = manifest.collections.flatMap((collection) => collection.parts);
  const bySum = new Map(parts.map((part) => [part.sha256, part.file]));
  for (const part of parts) {
    signal.throwIfAborted();
    const fault = await faultOf(set, part, bySum, codec);
    if (fault !== null) faults.push(`${part.file}: ${fault}`);
    if (faults.length === MAX_FAULTS) return faults;
  }
  const known = new Set(parts.map(({ file }) => file));
  const extra = (await set.partFiles()).filter((name) => !known.has(name));
  for (const { name, documents, parts: own } of manifest.collections)
    if (documents !== own.reduce((sum, part) => sum + part.documents, 0))
      faults.push(`${name}: the parts do not have ${documents} documents together`);
  return [...faults, ...extra.map((name) => `${name}: is not in the manifest`)];
}

async function faultOf(
  set: BackupSet,
  part: BackupPart,
  bySum: ReadonlyMap<string, string>,
  codec: BackupCodec | null,
): Promise<string | null> {
  const size = await set.size(part.file);
  if (size === null) return 'is missing';
  const sha256 = await hashOf(set.path(part.file));
  const other = bySum.get(sha256);
  if (sha256 !== part.sha256)
    return other === undefined
      ? `is damaged: ${size} bytes of ${part.bytes}, SHA-256 ${sha256.slice(0, 12)}… instead of ${part.sha256.slice(0, 12)}…`
      : `has the content of ${other}`;
  if (codec === null) return null;
  try {
    const content = new ContentSum();
    for await (const documents of readPart(set, part, codec)) content.add(documents);
    const isEqual = content.documents === part.documents && content.digest() === part.contentSha256;
    return isEqual ? null : `its documents differ: ${content.documents} of ${part.documents}`;
  } catch (error) {
    return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The documents of a part, in batches. @throws DamagedContentError; errors of the codec and of the file */
export async function* readPart(
  set: BackupSet,
  part: BackupPart,
  codec: BackupCodec,
): AsyncGenerator<Buffer[]> {
  const source = await codec.decode(createReadStream(set.path(part.file)));
  try {
    yield* documentBatches(source, part.contentBytes);
  } catch (error) {
    if (error instanceof DamagedContentError) throw new DamagedContentError(`${part.file}: ${error.message}`);
    throw error;
  } finally {
    source.destroy();
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
