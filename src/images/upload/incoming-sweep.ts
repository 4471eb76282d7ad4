import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { opendir, readFile, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { BackgroundJobs, Clock } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { ImageDeletionService } from '../image-deletion.service.js';
import { ImagesRepository } from '../images.repository.js';
import { ImageVolume } from '../volume/image-volume.js';
import {
  INCOMING_DIRECTORY,
  INTENT_FILE_NAME,
  LINKED_FILE_NAME,
  parseLinkedFileName,
  PART_FILE_NAME,
  partFileName,
  uploadPath,
} from '../volume/volume-layout.js';

/** No upload of any instance takes this long: a request ends after two minutes. */
const ORPHAN_AGE_MS = 3_600_000;
const SWEEP_INTERVAL_MS = 600_000;
const DELETE_BATCH_SIZE = 100;

interface IncomingSweepResult {
  /** Unfinished uploads, and placed files without a record. */
  readonly orphans: number;
  /** Deletions that were finished. */
  readonly deleted: number;
}

/**
 * Removes the remains of uploads and deletions that a kill, a power cut or an outage interrupted. It reads one
 * directory and touches only files that have a name of this service and are an hour old. One instance sweeps for all.
 */
@Injectable()
export class IncomingSweep implements OnApplicationBootstrap {
  private readonly logger = new Logger(IncomingSweep.name);

  constructor(
    private readonly volume: ImageVolume,
    private readonly images: ImagesRepository,
    private readonly deletion: ImageDeletionService,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
    private readonly jobs: BackgroundJobs,
  ) {}

  onApplicationBootstrap(): void {
    this.jobs.start({
      name: 'incoming-image-sweep',
      intervalMs: SWEEP_INTERVAL_MS,
      lock: {},
      startsAfter: async () => (await this.database.whenStarted()) && this.volume.report.state !== 'none',
      // Fails while this instance cannot use the volume: another instance sweeps then.
      run: async () => void (await this.sweep()),
    });
  }

  /** @throws images/volume-unavailable, storage/unavailable */
  async sweep(orphanAgeMs = ORPHAN_AGE_MS): Promise<IncomingSweepResult> {
    const before = this.clock.nowMs() - orphanAgeMs;
    const directory = this.volume.directoryForDeleting;
    let orphans = 0;
    // Intent files are handled before part files: the part file shows whether the target came from it. The directory is
    // read as a stream, because an outage can leave hundreds of thousands of them.
    for (const isSwept of [INTENT_FILE_NAME, PART_FILE_NAME, LINKED_FILE_NAME])
      for await (const { name } of await opendir(join(directory, INCOMING_DIRECTORY)))
        if (isSwept.test(name) && (await this.clear(directory, name, before))) orphans += 1;
    const unfinished = await this.images.listUnfinishedDeletes(new Date(before), DELETE_BATCH_SIZE);
    for (const image of unfinished) await this.deletion.finish(image);
    const result = { orphans, deleted: unfinished.length };
    if (orphans + unfinished.length > 0) this.logger.log(result, 'incoming images swept');
    return result;
  }

  /** @returns true when a file without a record was removed */
  private async clear(directory: string, name: string, before: number): Promise<boolean> {
    const path = join(directory, INCOMING_DIRECTORY, name);
    const linked = parseLinkedFileName(name);
    if (linked) return this.clearLinked(directory, path, linked, before);
    const intent = INTENT_FILE_NAME.exec(name)?.groups;
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs > before) return false;
    if (!intent) return rm(path, { force: true }).then(() => true);

    const { id = '', vehicleId = '', extension = '' } = intent;
    const hasRecord = await this.images.exists(id);
    // Only the release before `LinkedFile` wrote a path.
    const chosenPath = await readFile(path, 'utf8');
    const target = join(directory, chosenPath === '' ? uploadPath(id, vehicleId, extension) : chosenPath);
    const part = join(directory, INCOMING_DIRECTORY, partFileName(id));
    // The target is removed before its intent file: without the intent file it would never be found again.
    if (!hasRecord && (await isPlacedFromPart(target, directory, part))) await rm(target, { force: true });
    await rm(path, { force: true });
    return !hasRecord;
  }

  /** See `LinkedFile`. @returns true when a file without a record was removed */
  private async clearLinked(
    directory: string,
    path: string,
    { id, finalPath }: { readonly id: string; readonly finalPath: string },
    before: number,
  ): Promise<boolean> {
    const own = await stat(path).catch(() => null);
    if (!own || own.mtimeMs > before) return false;
    const hasRecord = await this.images.exists(id);
    const target = join(directory, finalPath);
    const isInVolume = target.startsWith(directory + sep);
    // The name may belong to another file.
    const placed = !hasRecord && isInVolume ? await stat(target).catch(() => null) : null;
    // The final name first: without the other one it would never be found again.
    if (placed && placed.ino === own.ino && placed.dev === own.dev) await rm(target, { force: true });
    await rm(path, { force: true });
    return !hasRecord;
  }
}

/**
 * Whether the target of an intent file is the uploaded file, and not another file that had the name before. It is when
 * the part file is gone, because the part is removed after placing, or when both names are links to one file.
 */
async function isPlacedFromPart(target: string, directory: string, part: string): Promise<boolean> {
  if (!target.startsWith(directory + sep)) return false;
  const [own, placed] = await Promise.all([part, target].map((path) => stat(path).catch(() => null)));
  if (!own) return true;
  return placed !== null && placed !== undefined && own.ino === placed.ino && own.dev === placed.dev;
}
