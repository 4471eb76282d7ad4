import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { SUPPORTED_SCHEMA } from '../../database/index.js';
import type { BackupCodec } from './backup-codec.js';
import type { BackupSet } from './backup-directory.js';
import type { BackupCollection, BackupManifest } from './backup-manifest.js';
import { ContentSum } from './bson-stream.js';
import type { CollectionsRepository } from './collections.repository.js';
import { readPart, verifySet } from './verify-set.js';

export interface RestoreOptions {
  readonly codec: BackupCodec;
  /** The database is dropped first when this is its name; null: it must be empty. */
  readonly replace: string | null;
  readonly signal: AbortSignal;
  readonly onProgress: (collection: string, documents: number) => void;
}

/**
 * Writes a set into a database, and compares what the database has then with the set. While it is not done, the database has a
 * marker with which no service starts.
 * @throws CommandError with the reason; a restore that began is repeated from its begin
 */
export async function restoreSet(
  set: BackupSet,
  manifest: BackupManifest,
  target: CollectionsRepository,
  options: RestoreOptions,
): Promise<void> {
  assertSupported(manifest);
  // Before the first write: a half that looks whole must not exist.
  const faults = await verifySet(set, manifest, null, options.signal);
  if (faults.length > 0)
    throw new CommandError([`${set.name} is damaged:`, ...faults].join('\n'), EXIT_CODES.FAILURE);
  await empty(target, options.replace);
  await target.beginRestore(set.name);
  for (const collection of manifest.collections) {
    await target.create(collection);
    let documents = 0;
    for (const part of collection.parts) {
      for await (const batch of readPart(set, part, options.codec)) {
        options.signal.throwIfAborted();
        await target.insert(collection.name, batch);
        documents += batch.length;
      }
      options.onProgress(collection.name, documents);
    }
  }
  const differences = await differencesOf(target, manifest.collections, options.signal);
  if (differences.length > 0)
    throw new CommandError(['restored, and not equal:', ...differences].join('\n'), EXIT_CODES.FAILURE);
  await target.endRestore();
}

function assertSupported({ schemaVersion }: BackupManifest): void {
  if (schemaVersion <= SUPPORTED_SCHEMA.max) return;
  throw new CommandError(
    `the set has schema ${schemaVersion}; this release supports up to ${SUPPORTED_SCHEMA.max}: use the release that made it`,
    EXIT_CODES.FAILURE,
  );
}

async function empty(target: CollectionsRepository, replace: string | null): Promise<void> {
  const name = target.database.databaseName;
  const unfinished = await target.unfinishedRestore();
  const used = unfinished === null ? await target.used() : [];
  if (used.length > 0 && replace !== name)
    throw new CommandError(
      `the database ${name} is not empty (${used.slice(0, 5).join(', ')}): restore into another one, or give --replace ${name} to delete it first`,
      EXIT_CODES.FAILURE,
    );
  await target.drop();
}

/** @returns a line for each part of the set that the database does not have as it is in the set */
async function differencesOf(
  target: CollectionsRepository,
  collections: readonly BackupCollection[],
  signal: AbortSignal,
): Promise<string[]> {
  const differences: string[] = [];
  for (const { name, parts } of collections) {
    const documents = flat(target.read(name));
    for (const part of parts) {
      signal.throwIfAborted();
      const content = new ContentSum();
      while (content.documents < part.documents) {
        const next = await documents.next();
        if (next.done) break;
        content.add([next.value]);
      }
      if (content.documents !== part.documents || content.digest() !== part.contentSha256)
        differences.push(`${part.file}: ${content.documents} of ${part.documents} documents, or others`);
    }
    if (!(await documents.next()).done) differences.push(`${name}: more documents than the set has`);
  }
  return differences;
}

async function* flat(batches: AsyncIterable<Buffer[]>): AsyncGenerator<Buffer> {
  for await (const batch of batches) yield* batch;
}
