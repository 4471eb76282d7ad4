import { join } from 'node:path';
import { readMarker } from '../../images/volume/index.js';
import type { ImagesJob } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import { type ManifestEntry, ManifestFiles, type ManifestSummary, newestOf } from './manifest-files.js';
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
): Promise<ManifestSummary> {
  const deploymentId = await readMarker(root);
  job.startProgress('counting', null);
  job.startProgress('manifest', await job.count(root));
  const known = await into.checkpoints();
  const writer = await into.begin();
  for await (const { file, entry } of hashed(job, root, known)) {
    job.addProgress(file.sizeBytes);
    if (entry) await writer.add(entry);
  }
  return into.finish(writer, { directory: root, deploymentId });
}

async function* hashed(
  job: ImagesJob,
  root: string,
  known: readonly AsyncIterable<ManifestEntry>[],
): AsyncGenerator<{ file: TreeFile; entry: ManifestEntry | null }, void, undefined> {
  const merged = mergeByPath<Readonly<Record<string, TreeFile | ManifestEntry>>>({
    file: job.files(root),
    ...Object.fromEntries(known.map((list, index) => [`known${index}`, list])),
  });
  const work = async (item: Readonly<Record<string, unknown>>): Promise<ManifestEntry | null> => {
    const file = item['file'] as TreeFile | undefined;
    if (!file) return null;
    const before = newestOf(known.map((_, index) => item[`known${index}`] as ManifestEntry | undefined));
    if (before && isSame(before, file)) return before;
    const { result, fault } = await job.workers.run({ path: join(root, file.path) });
    if (result) return { path: file.path, ...pick(result) };
    job.reportUnreadable({ path: file.path, reason: fault ?? 'unknown' });
    return null;
  };
  for await (const { item, outcome } of mapInOrder(merged, job.workers.window, work)) {
    const file = (item as Record<string, unknown>)['file'] as TreeFile | undefined;
    if (file) yield { file, entry: outcome };
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
