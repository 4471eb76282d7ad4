import { join } from 'node:path';
import { newImageId, sanitizeFilename } from '../../images/index.js';
import type { AdoptedImage, ImageCatalogRepository } from '../../images/index.js';
import { type FileOutcome, UPLOADS_DIRECTORY } from '../../images/volume/index.js';
import type { ImagesJob } from './images-job.js';
import { mapInOrder } from './ordered-concurrency.js';
import type { TreeFile } from './tree-walk.js';

export interface ScanResult {
  readonly files: number;
  /** New records. */
  readonly adopted: number;
  /** Records that exist and match the file. */
  readonly known: number;
  /** Records that got their vehicle in this run: no vehicle had the box code before. */
  readonly assigned: number;
}

const BATCH = 200;

/**
 * Creates a record for every image file below a directory of the volume. No file is moved or changed. A file with a
 * record is not read again: a killed run continues, and a second run adds nothing.
 * @param below the directory, relative to the volume, with `/`; empty for the whole volume
 * @param vehicles vehicle ids by box code; the old server's first folder is the box code
 */
export async function scanDirectory(
  job: ImagesJob,
  root: string,
  below: string,
  catalog: ImageCatalogRepository,
  vehicles: ReadonlyMap<string, string>,
): Promise<ScanResult> {
  const directory = join(root, below);
  await job.startCountedProgress('scan', directory);
  const total = { files: 0, adopted: 0, known: 0, assigned: 0 };
  for await (const batch of batches(oldFiles(job, directory, below))) {
    total.files += batch.length;
    const known = await catalog.findByPaths(batch.map(({ path }) => path));
    for (const file of batch) {
      const record = known.get(file.path);
      if (!record) continue;
      job.addProgress(file.sizeBytes);
      const vehicleId = vehicles.get(boxCodeOf(file.path));
      if (!record.hasVehicle && vehicleId !== undefined) {
        await catalog.assignVehicle(file.path, vehicleId);
        total.assigned += 1;
      }
      // An upload by an old box has no modification time in its record.
      const isUntouched = record.mtimeMs === null || record.mtimeMs === file.mtimeMs;
      if (record.sizeBytes === file.sizeBytes && isUntouched) total.known += 1;
      else job.reportIssue({ kind: 'changed', path: file.path, detail: 'after its adoption' });
    }
    const adopted = await read(
      job,
      root,
      batch.filter(({ path }) => !known.has(path)),
      vehicles,
    );
    total.adopted += await catalog.adopt(adopted);
  }
  return total;
}

async function read(
  job: ImagesJob,
  root: string,
  files: readonly TreeFile[],
  vehicles: ReadonlyMap<string, string>,
): Promise<AdoptedImage[]> {
  const adopted: AdoptedImage[] = [];
  const work = (file: TreeFile): Promise<FileOutcome> =>
    job.workers.run({ path: join(root, file.path), isImageRequired: true });
  for await (const { item, outcome } of mapInOrder(iterate(files), job.workers.window, work)) {
    job.addProgress(item.sizeBytes);
    const { result } = outcome;
    if (!result) job.reportFault(item.path, outcome);
    else if (!result.header) job.reportIssue({ kind: 'not-a-picture', path: item.path });
    else adopted.push(adoptedImage(item.path, result, result.header, vehicles));
  }
  return adopted;
}

type Result = NonNullable<FileOutcome['result']>;

function adoptedImage(
  path: string,
  { sizeBytes, sha256, mtimeMs }: Result,
  { contentType, size }: NonNullable<Result['header']>,
  vehicles: ReadonlyMap<string, string>,
): AdoptedImage {
  const createdAt = new Date(mtimeMs);
  return {
    mtimeMs,
    image: {
      id: newImageId(createdAt),
      vehicleId: vehicles.get(boxCodeOf(path)) ?? null,
      path,
      filename: sanitizeFilename(path.split('/').at(-1) ?? '', contentType),
      contentType,
      sizeBytes,
      sha256,
      width: size?.width ?? null,
      height: size?.height ?? null,
      origin: 'adopted',
      createdAt,
    },
  };
}

function boxCodeOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}

/** Files of the old server, with paths relative to the volume. The service itself records its uploads. */
async function* oldFiles(
  job: ImagesJob,
  directory: string,
  below: string,
): AsyncGenerator<TreeFile, void, undefined> {
  for await (const file of job.files(directory)) {
    const path = below === '' ? file.path : `${below}/${file.path}`;
    if (!path.startsWith(`${UPLOADS_DIRECTORY}/`)) yield { ...file, path };
  }
}

async function* batches(files: AsyncIterable<TreeFile>): AsyncGenerator<TreeFile[], void, undefined> {
  let batch: TreeFile[] = [];
  for await (const file of files) {
    batch.push(file);
    if (batch.length < BATCH) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

async function* iterate<T>(items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}
