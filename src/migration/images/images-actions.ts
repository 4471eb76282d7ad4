import { access } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Settings } from '../../config/index.js';
import { UnavailableError, UsageError } from '../../core/commands/index.js';
import type { ScanResult } from './scan-directory.js';
import { reasonOf } from './tree-walk.js';
import type { ImageCatalogRepository } from '../../images/index.js';
import { readMarker, WORK_DIRECTORY, writeVerification } from '../../images/volume/index.js';
import { loadCommandSettings } from '../command-settings.js';
import { assertSameDeployment, backUp, FILES_DIRECTORY, markRestored, restore } from './backup-files.js';
import type { ImagesJob } from './images-job.js';
import { megabytes } from './images-progress.js';
import { makeManifest } from './make-manifest.js';
import { ManifestFiles } from './manifest-files.js';
import { withRunLock } from './run-lock.js';
import { VerificationRecord } from './verification-record.js';
import {
  DATABASE_MISMATCHES,
  MISMATCHES,
  verifyFiles,
  type VerifyMode,
  type VerifyResult,
} from './verify-files.js';
import type * as WithCatalog from './with-catalog.js';

export interface ModeOptions {
  readonly quick?: boolean;
  /** Per cent. */
  readonly sample?: number;
  readonly full?: boolean;
}

export interface ImagesOutcome {
  readonly isGood: boolean;
  readonly result: object;
  readonly lines: readonly string[];
}

export async function scanImages(job: ImagesJob, directory?: string): Promise<ImagesOutcome> {
  const settings = loadCommandSettings(job.io);
  const root = await existingDirectory(volumeOf(settings));
  const below = relative(root, await existingDirectory(directory ?? root));
  if (below.startsWith('..') || isAbsolute(below))
    throw new UsageError(
      `the directory must be IMAGE_DIR (${root}) or in it: the service serves no other files`,
    );
  const { scanDirectory } = await import('./scan-directory.js');
  return withCatalog(job.io, settings, async (catalog, vehicles) => {
    const scan = async (): Promise<ScanResult> =>
      scanDirectory(job, root, below.split(sep).join('/'), catalog, await vehicles());
    const result = await alone(job, join(root, WORK_DIRECTORY, 'scan'), scan);
    const { files, adopted, known, assigned } = result;
    const line = `${files} files: ${adopted} adopted, ${known} known before, ${assigned} assigned to their vehicle`;
    return { isGood: job.countOf('unreadable', 'changed') === 0, result, lines: [line] };
  });
}

export async function makeImagesManifest(
  job: ImagesJob,
  directory?: string,
  manifest?: string,
): Promise<ImagesOutcome> {
  const settings = loadCommandSettings(job.io);
  const root = await existingDirectory(directory ?? volumeOf(settings));
  const into = manifestFiles(manifest, root);
  const summary = await alone(job, into.directory, () => makeManifest(job, root, into));
  const { files, bytes, rootSha256 } = summary;
  const lines = [`${files} files, ${megabytes(bytes)} MB, root ${rootSha256}`, into.directory];
  return { isGood: job.countOf('unreadable') === 0, result: summary, lines };
}

export async function verifyImages(
  job: ImagesJob,
  directory: string | undefined,
  options: ModeOptions & { readonly manifest?: string; readonly database: boolean },
): Promise<ImagesOutcome> {
  const settings = loadCommandSettings(job.io);
  const root = await existingDirectory(directory ?? volumeOf(settings));
  const mode = modeOf(options);
  const expected = manifestFiles(options.manifest, root);
  const summary = await summaryOf(expected);
  job.startProgress('verify', summary.files);
  const compare = (catalog: ImageCatalogRepository | null): Promise<VerifyResult> =>
    alone(job, expected.directory, (isProtected) =>
      verified(job, root, expected, mode, isProtected ? expected.directory : null, catalog),
    );
  const result = options.database ? await withCatalog(job.io, settings, compare) : await compare(null);
  const mismatched = job.countOf(...MISMATCHES, ...DATABASE_MISMATCHES);
  if (root === settings.images.directory) {
    const verifiedAt = new Date().toISOString();
    const about = { files: result.files, mismatched, verifiedAt, mode: mode.kind };
    await writeVerification(root, about).catch((error: unknown) =>
      job.print(`the result is not recorded in the volume, and /ready does not show it: ${reasonOf(error)}`),
    );
  }
  const line = `${result.files} files, ${megabytes(result.bytes)} MB, ${result.read} of them read`;
  return { isGood: mismatched === 0, result: { ...result, mismatched, mode: mode.kind }, lines: [line] };
}

/**
 * Verifies with a record of what was read, so that an interrupted run can be continued.
 * @param recordDirectory null: without a record
 * @throws Error when entries of the manifest cannot be read: the files that they name would not be missed
 */
async function verified(
  job: ImagesJob,
  root: string,
  manifest: ManifestFiles,
  mode: VerifyMode,
  recordDirectory: string | null,
  catalog: ImageCatalogRepository | null = null,
): Promise<VerifyResult> {
  const isNew = mode.kind === 'new';
  const record =
    recordDirectory === null || mode.kind === 'quick'
      ? null
      : await VerificationRecord.begin(recordDirectory, mode.kind, isNew);
  const result = await verifyFiles(job, root, manifest.entries(), mode, catalog, record);
  await record?.finish(isNew);
  const { files } = await manifest.summary();
  if (result.expected < files)
    throw new Error(
      `the manifest in ${manifest.directory} is damaged: ${result.expected} of its ${files} entries can be read. ` +
        'Make it again with `samserver images manifest`, or that of a backup with `samserver images backup`',
    );
  return result;
}

export async function backupImages(
  job: ImagesJob,
  directory: string,
  options: ModeOptions,
): Promise<ImagesOutcome> {
  const root = await existingDirectory(volumeOf(loadCommandSettings(job.io)));
  const destination = resolve(directory);
  if (isInside(destination, root))
    throw new UsageError('the destination is inside IMAGE_DIR: choose a directory outside of it');
  const written = new ManifestFiles(destination);
  const mode = modeOf(options, { kind: 'new' });
  const { copied, result } = await alone(job, destination, async () => {
    const copied = await backUp(job, root, destination);
    job.startProgress('verifying the copies', copied.summary.files);
    const files = join(destination, FILES_DIRECTORY);
    return { copied, result: await verified(job, files, written, mode, destination) };
  });
  const line = `${copied.copied} files copied (${megabytes(copied.copiedBytes)} MB), ${copied.kept} kept`;
  // A file that was deleted from the volume stays in the backup and is no mismatch.
  const isGood = job.countOf('missing', 'changed', 'corrupt', 'unreadable', 'not-copied') === 0;
  return {
    isGood,
    result: { ...copied, verified: result },
    lines: [line, `root ${copied.summary.rootSha256}`],
  };
}

export async function restoreImages(
  job: ImagesJob,
  directory: string,
  { to, replace }: { readonly to?: string; readonly replace: boolean },
): Promise<ImagesOutcome> {
  const settings = loadCommandSettings(job.io);
  const source = await existingDirectory(directory);
  const root = resolve(to ?? volumeOf(settings));
  const written = new ManifestFiles(source);
  const summary = await summaryOf(written);
  await assertSameDeployment(written, await readMarker(root).catch(() => null));
  const workDirectory = join(root, WORK_DIRECTORY, 'restore');
  const { copied, result } = await alone(job, workDirectory, async () => {
    const copied = await restore(job, source, root, replace);
    job.startProgress('verifying the restored files', summary.files);
    return { copied, result: await verified(job, root, written, { kind: 'full' }, workDirectory) };
  });
  const isGood = job.countOf('missing', 'changed', 'corrupt', 'unreadable', 'in-the-way', 'not-copied') === 0;
  if (isGood) await markRestored(source, root);
  const line = `${copied.copied} files restored (${megabytes(copied.copiedBytes)} MB), ${copied.kept} were there`;
  return { isGood, result: { ...copied, verified: result }, lines: [line] };
}

/** Runs `work` unless another command works in the directory. @throws CommandError TEMPORARY_FAILURE */
function alone<T>(job: ImagesJob, directory: string, work: (isProtected: boolean) => Promise<T>): Promise<T> {
  let isProtected = true;
  const onUnprotected = (reason: string): void => {
    isProtected = false;
    job.print(
      `${directory} cannot be locked (${reason}): run no second command, and an interruption begins again`,
    );
  };
  return withRunLock(directory, onUnprotected, () => work(isProtected));
}

export async function showRetention(job: ImagesJob): Promise<ImagesOutcome> {
  const settings = loadCommandSettings(job.io);
  const root = await existingDirectory(volumeOf(settings));
  const { planRetention } = await import('./plan-retention.js');
  const rules = await planRetention(job.io, settings, root);
  const lines = rules.map(({ reason, vehicleId, images, bytes, newest }) => {
    const scope = vehicleId === null ? '' : `, vehicle ${vehicleId}`;
    const until = newest === null ? '' : `, the newest of ${newest.toISOString()}`;
    return `${reason}${scope}: ${images} images, ${megabytes(bytes)} MB${until}`;
  });
  const { retentionDays, volumeMaxBytes, whenFull, retentionAdopted } = settings.images;
  const isOff = retentionDays === null && volumeMaxBytes === null && whenFull === 'refuse';
  if (isOff)
    lines.push('no rule is set (IMAGE_RETENTION_DAYS, IMAGE_VOLUME_MAX_BYTES, IMAGE_WHEN_FULL=replace)');
  if (rules.length === 0) lines.push('nothing is to be deleted');
  else if (retentionAdopted === 'keep') lines.push('adopted images stay (IMAGE_RETENTION_ADOPTED=keep)');
  const limits = { retentionDays, volumeMaxBytes, whenFull, retentionAdopted };
  return { isGood: true, result: { rules, settings: limits }, lines };
}

/** The seed of a sample is the day (UTC): samples of other days read other files. */
function modeOf({ quick, sample, full }: ModeOptions, usual: VerifyMode = { kind: 'full' }): VerifyMode {
  if (quick) return { kind: 'quick' };
  if (sample === undefined) return full ? { kind: 'full' } : usual;
  return { kind: 'sample', percent: sample, seed: new Date().toISOString().slice(0, 10) };
}

/** Nest and the driver are loaded only here: hashing files without them takes a third of the memory. */
const withCatalog: typeof WithCatalog.withCatalog = async (...args) =>
  (await import('./with-catalog.js')).withCatalog(...args);

function manifestFiles(path: string | undefined, root: string): ManifestFiles {
  return new ManifestFiles(resolve(path ?? join(root, WORK_DIRECTORY, 'manifest')));
}

function summaryOf(files: ManifestFiles): ReturnType<ManifestFiles['summary']> {
  return files.summary().catch(() => {
    throw new UnavailableError(`there is no finished manifest in ${files.directory}`);
  });
}

function volumeOf(settings: Settings): string {
  if (settings.images.directory === null) throw new UsageError('IMAGE_DIR is not set: name a directory');
  return settings.images.directory;
}

async function existingDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  await access(directory).catch(() => {
    throw new UnavailableError(`the directory ${directory} does not exist`);
  });
  return directory;
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
