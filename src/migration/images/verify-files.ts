import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogEntry, ImagesRepository } from '../../images/index.js';
import { type ImagesJob, isInSample } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import { isSame } from './make-manifest.js';
import type { ManifestEntry } from './manifest-files.js';
import { mergeByPath, type Merged } from './path-order.js';
import type { TreeFile } from './tree-walk.js';

export type VerifyMode =
  | { readonly kind: 'quick' }
  /** `percent` of the files are read, chosen by `seed`. */
  | { readonly kind: 'sample'; readonly percent: number; readonly seed: string }
  | { readonly kind: 'full' };

export interface VerifyResult {
  readonly files: number;
  readonly bytes: number;
  /** The number of files that were read and hashed. */
  readonly read: number;
}

/** Kinds of issues that mean a mismatch. */
export const MISMATCHES = ['missing', 'changed', 'corrupt', 'extra', 'unreadable'] as const;
export const DATABASE_MISMATCHES = ['not-in-database', 'file-missing', 'database-differs'] as const;

type Lists = { readonly file: TreeFile; readonly expected: ManifestEntry; readonly record: CatalogEntry };

/**
 * Compares a directory with a manifest and, with a catalog, with the database, each in both directions. Against the
 * manifest: `missing`, `extra`, `changed` (other bytes and another time: written again), `corrupt` (other bytes at the
 * same time: a storage error). Against the database: `file-missing`, `not-in-database`, `database-differs`.
 */
export async function verifyFiles(
  job: ImagesJob,
  root: string,
  expected: AsyncIterable<ManifestEntry>,
  mode: VerifyMode,
  catalog: ImagesRepository | null,
): Promise<VerifyResult> {
  const merged = mergeByPath<Lists>({ file: job.files(root), expected, record: records(catalog) });
  const total = { files: 0, bytes: 0, read: 0 };
  const work = (item: Merged<Lists>) =>
    isRead(item, mode) ? job.workers.run({ path: join(root, item.path) }) : null;
  for await (const { item, outcome } of mapInOrder(merged, job.workers.window, work)) {
    if (item.file) {
      total.files += 1;
      total.bytes += item.file.sizeBytes;
      job.addProgress(item.file.sizeBytes);
    }
    if (outcome?.fault !== undefined) job.reportUnreadable({ path: item.path, reason: outcome.fault });
    else if (outcome) total.read += 1;
    compareWithManifest(job, item, outcome?.result?.sha256 ?? null);
    if (catalog) await compareWithDatabase(job, root, item, outcome?.result?.sha256 ?? null);
  }
  return total;
}

function isRead({ path, file, expected, record }: Merged<Lists>, mode: VerifyMode): boolean {
  if (!file || (!expected && !record)) return false;
  switch (mode.kind) {
    case 'quick':
      return false;
    case 'sample':
      return isInSample(path, mode.seed, mode.percent);
    case 'full':
      return true;
  }
}

function compareWithManifest(
  job: ImagesJob,
  { path, file, expected, record }: Merged<Lists>,
  sha256: string | null,
): void {
  if (!expected) {
    // A file with a record was uploaded after the manifest was made.
    if (file) job.reportIssue({ kind: record ? 'new' : 'extra', path });
    return;
  }
  if (!file) return job.reportIssue({ kind: 'missing', path });
  const isSameContent = sha256 === null ? null : sha256 === expected.sha256;
  if (isSameContent === true) {
    // Same bytes, another time: the file was copied or touched.
    if (file.mtimeMs !== expected.mtimeMs) job.reportIssue({ kind: 'touched', path });
  } else if (file.mtimeMs !== expected.mtimeMs) job.reportIssue({ kind: 'changed', path });
  else if (isSameContent === false || !isSame(file, expected)) job.reportIssue({ kind: 'corrupt', path });
}

async function compareWithDatabase(
  job: ImagesJob,
  root: string,
  { path, file, record }: Merged<Lists>,
  sha256: string | null,
): Promise<void> {
  if (!record) {
    // Other files need no record: `scan` reports them and leaves them.
    if (file && (await isPicture(join(root, path)))) job.reportIssue({ kind: 'not-in-database', path });
  } else if (!file) job.reportIssue({ kind: 'file-missing', path });
  else if (file.sizeBytes !== record.sizeBytes || (sha256 !== null && sha256 !== record.sha256))
    job.reportIssue({ kind: 'database-differs', path });
}

async function isPicture(path: string): Promise<boolean> {
  // Loaded here, because a verification without the database must not load Nest and the driver.
  const { readImageHeader, SIGNATURE_BYTES } = await import('../../images/index.js');
  const file = await open(path).catch(() => null);
  try {
    const { bytesRead, buffer } =
      (await file?.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0)) ?? EMPTY_READ;
    return readImageHeader(buffer.subarray(0, bytesRead)) !== null;
  } finally {
    await file?.close();
  }
}

const EMPTY_READ = { bytesRead: 0, buffer: Buffer.alloc(0) };
const RECORDS_PER_PAGE = 1_000;

async function* records(catalog: ImagesRepository | null): AsyncGenerator<CatalogEntry, void, undefined> {
  let after: string | null = catalog ? '' : null;
  while (catalog && after !== null) {
    const { entries, last } = await catalog.listByPath(after, RECORDS_PER_PAGE);
    yield* entries;
    after = last;
  }
}
