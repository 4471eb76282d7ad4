import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogEntry, ImageCatalogRepository } from '../../images/index.js';
import { type ImagesJob, isInSample } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import { isSame } from './make-manifest.js';
import type { ManifestEntry } from './entry-lines.js';
import { newestOf } from './manifest-files.js';
import { mergeByPath, type Merged } from './path-order.js';
import type { FileOutcome } from '../../images/volume/index.js';
import type { TreeFile } from './tree-walk.js';
import type { VerificationRecord } from './verification-record.js';

export type VerifyMode =
  | { readonly kind: 'quick' }
  /** `percent` of the files are read, chosen by `seed`. */
  | { readonly kind: 'sample'; readonly percent: number; readonly seed: string }
  | { readonly kind: 'full' }
  /** Every file that no earlier verification of the backup has read. */
  | { readonly kind: 'new' };

export interface VerifyResult {
  readonly files: number;
  readonly bytes: number;
  /** The number of files that were read and hashed, in this run or in the interrupted one that it continues. */
  readonly read: number;
  /** The number of these that this run did not read: the record had them. */
  readonly continued: number;
  /** The number of entries in the manifest. */
  readonly expected: number;
}

/** Kinds of issues that mean a mismatch. */
export const MISMATCHES = ['missing', 'changed', 'corrupt', 'extra', 'unreadable'] as const;
export const DATABASE_MISMATCHES = ['not-in-database', 'file-missing', 'database-differs'] as const;

type Lists = { readonly file: TreeFile; readonly expected: ManifestEntry; readonly record: CatalogEntry };
type Item = Merged<Lists> & { readonly [verified: `verified${number}`]: ManifestEntry };
interface ReadFile {
  readonly outcome: FileOutcome;
  readonly isContinued: boolean;
}

/**
 * Compares a directory with a manifest and, with a catalog, with the database, each in both directions. Against the
 * manifest: `missing`, `extra`, `changed` (other bytes and another time: written again), `corrupt` (other bytes at the
 * same time: a storage error). Against the database: `file-missing`, `not-in-database`, `database-differs`.
 * @param verified where the files that were found right are recorded; null: an interruption loses the work
 */
export async function verifyFiles(
  job: ImagesJob,
  root: string,
  expected: AsyncIterable<ManifestEntry>,
  mode: VerifyMode,
  catalog: ImageCatalogRepository | null,
  verified: VerificationRecord | null,
): Promise<VerifyResult> {
  const earlier = Object.entries({ ...verified?.earlier }).map(
    ([n, list]) => [`verified${n}`, list] as const,
  );
  const merged = mergeByPath<Lists>({
    file: job.files(root),
    expected,
    record: records(catalog),
    ...Object.fromEntries(earlier),
  }) as AsyncIterable<Item>;
  const total = { files: 0, bytes: 0, read: 0, continued: 0, expected: 0 };
  const work = async (item: Item): Promise<ReadFile | null> => {
    if (!item.file || !isRead(item, mode)) return null;
    const known = newestOf(earlier.map(([name]) => item[name as 'verified0']));
    if (known && isSame(known, item.file))
      return { outcome: { result: { ...known, header: null } }, isContinued: true };
    return { outcome: await job.workers.run({ path: join(root, item.path) }), isContinued: false };
  };
  for await (const { item, outcome: read } of mapInOrder(merged, job.workers.window, work)) {
    if (item.expected) total.expected += 1;
    const outcome = read?.outcome ?? null;
    if (item.file) job.addProgress(item.file.sizeBytes);
    if (outcome && !outcome.result) job.reportFault(item.path, outcome);
    const there = outcome?.fault === 'ENOENT' ? without(item) : item;
    if (there.file) {
      total.files += 1;
      total.bytes += there.file.sizeBytes;
    }
    if (outcome?.result) total.read += 1;
    if (read?.isContinued) total.continued += 1;
    const sha256 = outcome?.result?.sha256 ?? null;
    compareWithManifest(job, there, sha256);
    if (catalog) await compareWithDatabase(job, root, there, outcome);
    if (there.file && sha256 !== null && sha256 === (item.expected ?? item.record)?.sha256)
      await verified?.add({ ...there.file, sha256 });
  }
  return total;
}

/** A file that was deleted after it was listed is missing. */
const without = ({ file: _, ...item }: Item): Item => item;

function isRead({ path, file, expected, record }: Merged<Lists>, mode: VerifyMode): boolean {
  if (!file || (!expected && !record)) return false;
  switch (mode.kind) {
    case 'quick':
      return false;
    case 'sample':
      return isInSample(path, mode.seed, mode.percent);
    case 'full':
    case 'new':
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
  outcome: FileOutcome | null,
): Promise<void> {
  const result = outcome?.result;
  if (!record) {
    // Other files need no record: `scan` reports them and leaves them.
    if (file && (result?.header || (await isPicture(join(root, path)))))
      job.reportIssue({ kind: 'not-in-database', path });
  } else if (!file) job.reportIssue({ kind: 'file-missing', path });
  else if (file.sizeBytes !== record.sizeBytes || (result && result.sha256 !== record.sha256))
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

async function* records(
  catalog: ImageCatalogRepository | null,
): AsyncGenerator<CatalogEntry, void, undefined> {
  let after: string | null = catalog ? '' : null;
  while (catalog && after !== null) {
    const { entries, last } = await catalog.listByPath(after, RECORDS_PER_PAGE);
    yield* entries;
    after = last;
  }
}
