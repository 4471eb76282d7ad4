import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { INCOMING_DIRECTORY, uploadPath } from '../volume/volume-layout.js';
import { Clock } from '../../core/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { ImageDeletionService } from '../image-deletion.service.js';
import { ImageVolume } from '../volume/image-volume.js';
import { ImagesRepository } from '../images.repository.js';
import { INTENT_FILE_NAME, PART_FILE_NAME, partFileName } from './incoming-files.js';

/** No upload is under way for so long, on this or on another instance: a request ends after two minutes. */
const ORPHAN_AGE_MS = 3_600_000;
const SWEEP_INTERVAL_MS = 600_000;
const DELETE_BATCH_SIZE = 100;

export interface IncomingSweepResult {
  /** Parts of pictures, and whole ones that never got a record. */
  readonly orphans: number;
  /** Deletions brought to their end. */
  readonly deleted: number;
}

/**
 * Clears away what a kill, a power cut or an outage left of uploads and deletions. It looks into one directory, at files
 * with names of ours and of an hour's age at least: nothing else is ever touched.
 */
@Injectable()
export class IncomingSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(IncomingSweep.name);
  private readonly stop = new AbortController();
  private sweeping: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly volume: ImageVolume,
    private readonly images: ImagesRepository,
    private readonly removals: ImageDeletionService,
    private readonly database: DatabaseConnection,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.sweeping = this.runSweeps();
  }

  async onApplicationShutdown(): Promise<void> {
    this.stop.abort();
    await this.sweeping;
  }

  /** @throws images/volume-unavailable, storage/unavailable */
  async sweep(orphanAgeMs = ORPHAN_AGE_MS): Promise<IncomingSweepResult> {
    const before = this.clock.nowMs() - orphanAgeMs;
    const directory = this.volume.directoryForDeleting;
    let orphans = 0;
    // Notes before parts (`~` is behind `.`): whether a name was got is told by the part that it came from.
    const names = (await readdir(join(directory, INCOMING_DIRECTORY))).sort().reverse();
    for (const name of names) if (await this.clear(directory, name, before)) orphans += 1;
    const unfinished = await this.images.listUnfinishedDeletes(new Date(before), DELETE_BATCH_SIZE);
    for (const image of unfinished) await this.removals.finish(image);
    const result = { orphans, deleted: unfinished.length };
    if (orphans + unfinished.length > 0) this.logger.log(result, 'pictures: swept');
    return result;
  }

  /** True when something was cleared away. */
  private async clear(directory: string, name: string, before: number): Promise<boolean> {
    const path = join(directory, INCOMING_DIRECTORY, name);
    const note = INTENT_FILE_NAME.exec(name)?.groups;
    if (!note && !PART_FILE_NAME.test(name)) return false;
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity }));
    if (mtimeMs > before) return false;
    if (!note) return rm(path, { force: true }).then(() => true);

    const { id = '', vehicleId = '', extension = '' } = note;
    const isKept = await this.images.exists(id);
    const chosen = await readFile(path, 'utf8');
    const target = join(directory, chosen === '' ? uploadPath(id, vehicleId, extension) : chosen);
    const part = join(directory, INCOMING_DIRECTORY, partFileName(id));
    // The file first: without the note nobody would find it again.
    if (!isKept && (await isPlacedFromPart(target, directory, part))) await rm(target, { force: true });
    await rm(path, { force: true });
    return !isKept;
  }

  private async runSweeps(): Promise<void> {
    await this.database.whenStarted();
    while (!this.stop.signal.aborted) {
      if (this.volume.report.state === 'usable')
        await this.sweep().catch((error: unknown) =>
          this.logger.warn({ err: error }, 'pictures: sweep cut short; the rest goes with the next one'),
        );
      await sleep(SWEEP_INTERVAL_MS, undefined, { signal: this.stop.signal, ref: false }).catch(
        () => undefined,
      );
    }
  }
}

/**
 * The file that a note names came from its part, and not from somebody who had the name first: the part is gone, which
 * only happens afterwards, or is the same file under two names.
 */
async function isPlacedFromPart(target: string, directory: string, part: string): Promise<boolean> {
  if (!target.startsWith(directory + sep)) return false;
  const [own, there] = await Promise.all([part, target].map((path) => stat(path).catch(() => null)));
  if (!own) return true;
  return there !== null && there !== undefined && own.ino === there.ino && own.dev === there.dev;
}
