import { randomUUID } from 'node:crypto';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, EXIT_CODES } from '../../core/commands/index.js';
import { readMarker, WORK_DIRECTORY, writeMarker } from '../../images/volume/index.js';
import type { ImagesJob } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import { isSame } from './make-manifest.js';
import type { ManifestEntry } from './entry-lines.js';
import { ManifestFiles, type ManifestSummary, newestOf } from './manifest-files.js';
import { mergeByPath } from './path-order.js';
import type { TreeFile } from './tree-walk.js';

/** Faults of the target that every other file would meet too. */
const ENDS_THE_COPYING = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);
/** The copies, in the directory of a backup. The manifest of the last finished run is beside it. */
export const FILES_DIRECTORY = 'files';

interface CopyResult {
  readonly copied: number;
  readonly copiedBytes: number;
  readonly kept: number;
}

type KnownLists = Readonly<Record<string, TreeFile | ManifestEntry>>;

/**
 * Updates a backup. Files with the same size and time are kept, all others are copied; a copy is durable before its
 * entry is written. A file that was deleted from the volume stays in the backup's directory but not in its manifest.
 */
export async function backUp(
  job: ImagesJob,
  root: string,
  destination: string,
): Promise<CopyResult & { readonly summary: ManifestSummary }> {
  const manifest = new ManifestFiles(destination);
  const deploymentId = await readMarker(root);
  await assertSameDeployment(manifest, deploymentId);
  await job.startCountedProgress('backup', root);
  const target = join(destination, FILES_DIRECTORY);
  const temporary = await temporaryDirectory(target);
  const { writer, earlier } = await manifest.checkpoints.begin();
  const lists = [...earlier, manifest.entries(true)];
  const merged = mergeByPath<KnownLists>({
    file: job.files(root),
    ...Object.fromEntries(lists.map((list, index) => [`known${index}`, list])),
  });
  const total = { copied: 0, copiedBytes: 0, kept: 0 };
  const work = async (item: Partial<KnownLists> & { path: string }): Promise<CopyOutcome | null> => {
    const file = item['file'];
    if (!file) return null;
    const known = newestOf(lists.map((_, index) => item[`known${index}`] as ManifestEntry | undefined));
    if (known && isSame(known, file) && (await hasUnchangedCopy(join(target, file.path), known)))
      return { file, entry: known, isCopied: false };
    return copy(job, file, root, target, temporary);
  };
  for await (const { outcome } of mapInOrder(merged, job.workers.window, work)) {
    if (!outcome) continue;
    const { file, entry, isCopied } = outcome;
    job.addProgress(file.sizeBytes);
    if (!entry) continue;
    total[isCopied ? 'copied' : 'kept'] += 1;
    if (isCopied) total.copiedBytes += entry.sizeBytes;
    await writer.add(entry);
  }
  await rm(temporary, { recursive: true, force: true });
  return { ...total, summary: await manifest.finish(writer, { directory: root, deploymentId }) };
}

/**
 * Copies the files of a backup into a directory. A file with the same size and time is kept. A file that differs is
 * reported and kept, or replaced with `isReplacing`, which reads and compares the content too: damage on a disk changes
 * neither size nor time. The caller then verifies all files and marks the directory, so that the service never uses half
 * a restore as its volume.
 */
export async function restore(
  job: ImagesJob,
  source: string,
  root: string,
  isReplacing: boolean,
): Promise<CopyResult> {
  const manifest = new ManifestFiles(source);
  job.startProgress('restore', (await manifest.summary()).files);
  await mkdir(root, { recursive: true });
  const temporary = await temporaryDirectory(root);
  const total = { copied: 0, copiedBytes: 0, kept: 0 };
  const work = async (entry: ManifestEntry): Promise<CopyOutcome> => {
    const path = join(root, entry.path);
    const there = await statOf(path);
    if (there && isSame(there, entry) && (!isReplacing || (await hasContent(job, path, entry))))
      return { file: entry, entry, isCopied: false };
    if (there && !isReplacing) {
      job.reportIssue({ kind: 'in-the-way', path: entry.path });
      return { file: entry, entry: null, isCopied: false };
    }
    // A file is not replaced by a copy that is damaged too.
    const sha256 = there ? entry.sha256 : undefined;
    return copy(job, entry, join(source, FILES_DIRECTORY), root, temporary, sha256);
  };
  for await (const { item, outcome } of mapInOrder(
    untilInterrupted(job, manifest.entries()),
    job.workers.window,
    work,
  )) {
    job.addProgress(item.sizeBytes);
    if (!outcome.entry) continue;
    if (outcome.entry.sha256 !== item.sha256)
      job.reportIssue({ kind: 'corrupt', path: item.path, detail: 'in the backup' });
    total[outcome.isCopied ? 'copied' : 'kept'] += 1;
    if (outcome.isCopied) total.copiedBytes += item.sizeBytes;
  }
  await rm(temporary, { recursive: true, force: true });
  return total;
}

/** Writes the marker file; call it after the restored files have been verified. */
export async function markRestored(source: string, root: string): Promise<void> {
  const { deploymentId } = await new ManifestFiles(source).summary();
  if (deploymentId !== null && (await readMarker(root)) === null) await writeMarker(root, deploymentId);
}

/** @throws Error when the backup and the directory have different deployment ids */
export async function assertSameDeployment(
  backup: ManifestFiles,
  deploymentId: string | null,
): Promise<void> {
  if (!(await backup.exists())) return;
  const { deploymentId: other } = await backup.summary();
  if (other !== null && deploymentId !== null && other !== deploymentId)
    throw new Error(
      `the backup belongs to deployment ${other}, the image volume to deployment ${deploymentId}`,
    );
}

interface CopyOutcome {
  readonly file: { readonly sizeBytes: number };
  /** Null when the file could not be read. */
  readonly entry: ManifestEntry | null;
  readonly isCopied: boolean;
}

async function copy(
  job: ImagesJob,
  file: { readonly path: string; readonly sizeBytes: number },
  from: string,
  to: string,
  temporary: string,
  sha256?: string,
): Promise<CopyOutcome> {
  const copyTo = {
    path: join(to, file.path),
    temporary: join(temporary, randomUUID()),
    ...(sha256 !== undefined && { sha256 }),
  };
  const outcome = await job.workers.run({ path: join(from, file.path), copyTo });
  const { result } = outcome;
  if (outcome.isTargetFault && ENDS_THE_COPYING.has(outcome.fault ?? ''))
    throw new CommandError(
      `${to} cannot be written (${outcome.fault}): the same command continues from here`,
      EXIT_CODES.IO,
    );
  if (!result) job.reportFault(file.path, outcome);
  const entry = result && {
    path: file.path,
    sizeBytes: result.sizeBytes,
    mtimeMs: result.mtimeMs,
    sha256: result.sha256,
  };
  const isCopied = result !== undefined && (sha256 === undefined || result.sha256 === sha256);
  return { file, entry: entry ?? null, isCopied };
}

/** Removes the files of a killed run first. */
async function temporaryDirectory(root: string): Promise<string> {
  const directory = join(root, WORK_DIRECTORY, 'copying');
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  return directory;
}

async function statOf(path: string): Promise<{ sizeBytes: number; mtimeMs: number } | null> {
  const stats = await lstat(path).catch(() => null);
  return stats && { sizeBytes: stats.size, mtimeMs: Math.round(stats.mtimeMs) };
}

async function hasContent(job: ImagesJob, path: string, entry: ManifestEntry): Promise<boolean> {
  const { result } = await job.workers.run({ path });
  return result?.sha256 === entry.sha256;
}

async function hasUnchangedCopy(path: string, entry: ManifestEntry): Promise<boolean> {
  const there = await statOf(path);
  return there !== null && isSame(there, entry);
}

async function* untilInterrupted<T>(
  job: ImagesJob,
  items: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  for await (const item of items) {
    job.assertNotInterrupted();
    yield item;
  }
}
