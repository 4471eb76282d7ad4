import { access } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { loadSettings, type Settings } from '../../config/index.js';
import { readMarker, WORK_DIRECTORY, writeVerification } from '../../images/index.js';
import type { ImageCatalogRepository } from '../../images/index.js';
import { assertSameDeployment, backUp, FILES_DIRECTORY, markRestored, restore } from './backup-files.js';
import type { ImagesJob } from './images-job.js';
import { makeManifest } from './make-manifest.js';
import { ManifestFiles } from './manifest-files.js';
import { UnavailableError, UsageError } from '../exit-codes.js';
import type { ImagesOptions } from './options.js';
import { megabytes } from './progress.js';
import { scanDirectory } from './scan-directory.js';
import { DATABASE_MISMATCHES, MISMATCHES, verifyFiles, type VerifyResult } from './verify-files.js';
import type * as WithCatalog from './with-catalog.js';

export interface CommandOutcome {
  readonly isGood: boolean;
  readonly result: object;
  readonly lines: readonly string[];
}

export function runImagesAction(options: ImagesOptions, job: ImagesJob): Promise<CommandOutcome> {
  const { settings } = loadSettings(job.io.env);
  switch (options.command) {
    case 'scan':
      return scan(options, job, settings);
    case 'manifest':
      return manifest(options, job, settings);
    case 'verify':
      return verify(options, job, settings);
    case 'backup':
      return backup(options, job, settings);
    case 'restore':
      return restoreBackup(options, job, settings);
  }
}

async function scan(
  { directory }: ImagesOptions,
  job: ImagesJob,
  settings: Settings,
): Promise<CommandOutcome> {
  const root = await existingDirectory(volumeOf(settings));
  const below = relative(root, await existingDirectory(directory ?? root));
  if (below.startsWith('..') || isAbsolute(below))
    throw new UsageError(`only what lies in IMAGE_DIR (${root}) can be served, and so be adopted`);
  return withCatalog(settings, job, async (catalog, vehicles) => {
    const result = await scanDirectory(job, root, below.split(sep).join('/'), catalog, await vehicles());
    const { files, adopted, known, assigned } = result;
    const line = `${files} files: ${adopted} adopted, ${known} known before, ${assigned} assigned to their vehicle`;
    return { isGood: job.countOf('unreadable', 'changed') === 0, result, lines: [line] };
  });
}

async function manifest(options: ImagesOptions, job: ImagesJob, settings: Settings): Promise<CommandOutcome> {
  const root = await existingDirectory(options.directory ?? volumeOf(settings));
  const into = manifestFiles(options, root);
  const summary = await makeManifest(job, root, into);
  const { files, bytes, rootSha256 } = summary;
  const lines = [`${files} files, ${megabytes(bytes)} MB, root ${rootSha256}`, into.directory];
  return { isGood: job.countOf('unreadable') === 0, result: summary, lines };
}

async function verify(options: ImagesOptions, job: ImagesJob, settings: Settings): Promise<CommandOutcome> {
  const root = await existingDirectory(options.directory ?? volumeOf(settings));
  const expected = manifestFiles(options, root);
  const { files, bytes } = await summaryOf(expected);
  job.startProgress('verify', { files, bytes });
  const compare = (catalog: ImageCatalogRepository | null): Promise<VerifyResult> =>
    verifyFiles(job, root, expected.entries(), options.mode, catalog);
  const result = options.usesDatabase ? await withCatalog(settings, job, compare) : await compare(null);
  const mismatched = job.countOf(...MISMATCHES, ...DATABASE_MISMATCHES);
  if (root === settings.images.directory) {
    const { files: seen } = result;
    const verifiedAt = new Date().toISOString();
    await writeVerification(root, { files: seen, mismatched, verifiedAt, mode: options.mode.kind });
  }
  const line = `${result.files} files, ${megabytes(result.bytes)} MB, ${result.read} of them read`;
  return {
    isGood: mismatched === 0,
    result: { ...result, mismatched, mode: options.mode.kind },
    lines: [line],
  };
}

async function backup(
  { directory, mode }: ImagesOptions,
  job: ImagesJob,
  settings: Settings,
): Promise<CommandOutcome> {
  const root = await existingDirectory(volumeOf(settings));
  const destination = resolve(directory ?? '');
  if (isInside(destination, root)) throw new UsageError('a backup in the pictures themselves would be none');
  const copied = await backUp(job, root, destination);
  const written = new ManifestFiles(destination);
  job.startProgress('verifying the copies', copied.summary);
  // What was not copied now was read when it was; `--full` reads it again.
  const checked = copied.copied > 0 || mode.kind === 'full' ? mode : { kind: 'quick' as const };
  const verified = await verifyFiles(
    job,
    join(destination, FILES_DIRECTORY),
    written.entries(),
    checked,
    null,
  );
  const line = `${copied.copied} files copied (${megabytes(copied.copiedBytes)} MB), ${copied.kept} kept`;
  // What was deleted from the pictures since stays in a backup, and is no fault of it.
  const isGood = job.countOf('missing', 'changed', 'corrupt', 'unreadable') === 0;
  return { isGood, result: { ...copied, verified }, lines: [line, `root ${copied.summary.rootSha256}`] };
}

async function restoreBackup(
  options: ImagesOptions,
  job: ImagesJob,
  settings: Settings,
): Promise<CommandOutcome> {
  const source = await existingDirectory(options.directory ?? '');
  const root = resolve(options.to ?? volumeOf(settings));
  const written = new ManifestFiles(source);
  const summary = await summaryOf(written);
  await assertSameDeployment(written, await readMarker(root).catch(() => null));
  const copied = await restore(job, source, root, options.isReplacing);
  job.startProgress('verifying what was restored', summary);
  const verified = await verifyFiles(job, root, written.entries(), { kind: 'full' }, null);
  const isGood = job.countOf('missing', 'changed', 'corrupt', 'unreadable', 'in-the-way') === 0;
  if (isGood) await markRestored(source, root);
  const line = `${copied.copied} files restored (${megabytes(copied.copiedBytes)} MB), ${copied.kept} were there`;
  return { isGood, result: { ...copied, verified }, lines: [line] };
}

/** What speaks to the database is loaded only where it is asked: hashing files needs a third of the memory without it. */
const withCatalog: typeof WithCatalog.withCatalog = async (...args) =>
  (await import('./with-catalog.js')).withCatalog(...args);

function manifestFiles({ manifest: path }: ImagesOptions, root: string): ManifestFiles {
  return new ManifestFiles(resolve(path ?? join(root, WORK_DIRECTORY, 'manifest')));
}

function summaryOf(files: ManifestFiles): ReturnType<ManifestFiles['summary']> {
  return files.summary().catch(() => {
    throw new UnavailableError(`there is no finished manifest in ${files.directory}`);
  });
}

function volumeOf(settings: Settings): string {
  if (settings.images.directory === null) throw new UsageError('IMAGE_DIR is not set; name a directory');
  return settings.images.directory;
}

async function existingDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  await access(directory).catch(() => {
    throw new UnavailableError(`${directory} is not there`);
  });
  return directory;
}

function isInside(path: string, root: string): boolean {
  const way = relative(root, path);
  return way === '' || (!way.startsWith('..') && !isAbsolute(way));
}
