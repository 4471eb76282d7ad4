import { join } from 'node:path';
import { readMarker } from '../../images/volume/index.js';
import type { ImagesJob } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import type { ManifestEntry } from './entry-lines.js';
import { ManifestFiles, type ManifestSummary, newestOf } from './manifest-files.js';
import { mergeByPath } from './path-order.js';
import type { TreeFile } from './tree-walk.js';

/**
 * Reads every file below a directory and writes the manifest. After an interruption or a kill it continues: a file with
 * an entry of the same size and time in a checkpoint is not read again.
 */
export async function makeManifest(
  job: ImagesJob,
  root: string,
  into: ManifestFiles,
): Promise<ManifestSummary & { readonly continued: number }> {
  const deploymentId = await readMarker(root);
  await job.startCountedProgress('manifest', root);
  const { writer, earlier } = await into.checkpoints.begin();
  let continued = 0;
  for await (const { file, entry, isContinued } of hashed(job, root, earlier)) {
    job.addProgress(file.sizeBytes);
    if (isContinued) continued += 1;
    if (entry) await writer.add(entry);
  }
  return { ...(await into.finish(writer, { directory: root, deploymentId })), continued };
}

interface HashedFile {
  readonly entry: ManifestEntry | null;
  /** An interrupted run has read the file. */
  readonly isContinued: boolean;
}

async function* hashed(
  job: ImagesJob,
  root: string,
  known: readonly AsyncIterable<ManifestEntry>[],
): AsyncGenerator<HashedFile & { readonly file: TreeFile }, void, undefined> {
  const merged = mergeByPath<Readonly<Record<string, TreeFile | ManifestEntry>>>({
    file: job.files(root),
    ...Object.fromEntries(known.map((list, index) => [`known${index}`, list])),
  });
  const work = async (item: Readonly<Record<string, unknown>>): Promise<HashedFile> => {
    const file = item['file'] as TreeFile | undefined;
    if (!file) return { entry: null, isContinued: false };
    const before = newestOf(known.map((_, index) => item[`known${index}`] as ManifestEntry | undefined));
    if (before && isSame(before, file)) return { entry: before, isContinued: true };
    const outcome = await job.workers.run({ path: join(root, file.path) });
    if (!outcome.result) job.reportFault(file.path, outcome);
    return {
      entry: outcome.result ? { path: file.path, ...pick(outcome.result) } : null,
      isContinued: false,
    };
  };
  for await (const { item, outcome } of mapInOrder(merged, job.workers.window, work)) {
    const file = (item as Record<string, unknown>)['file'] as TreeFile | undefined;
    if (file) yield { file, ...outcome };
  }
}

const pick = ({ sizeBytes, mtimeMs, sha256 }: Omit<ManifestEntry, 'path'>): Omit<ManifestEntry, 'path'> => ({
  sizeBytes,
  mtimeMs,
  sha256,
});

export function isSame(
  one: Pick<ManifestEntry, 'sizeBytes' | 'mtimeMs'>,
  other: Pick<ManifestEntry, 'sizeBytes' | 'mtimeMs'>,
): boolean {
  return one.sizeBytes === other.sizeBytes && one.mtimeMs === other.mtimeMs;
}
