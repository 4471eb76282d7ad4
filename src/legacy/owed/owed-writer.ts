import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { BackgroundJobs, Clock, Metrics } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { DatabaseConnection } from '../../database/index.js';
import { PositionLogService } from '../../tracking/index.js';
import { BoxPictureWriter } from '../boxes/box-picture-writer.js';
import { type LegacyPostKind, POST_KINDS } from '../legacy-metrics.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { ShadowPictures } from '../shadow-pictures/shadow-pictures.js';
import { CrashSource, PictureSource, PositionSource } from '../shared-collections/mirror-sources.js';
import { type OwedItem, OwedRepository } from './owed.repository.js';

const INTERVAL_MS = 2_000;
const PAGE_SIZE: Readonly<Record<LegacyPostKind, number>> = { crash: 50, position: 500, picture: 10 };
/** A record can wait in a spool of an instance before it is in storage. After this time it never comes. */
const GONE_AFTER_MS = 86_400_000;

/** Whether the record of each item is written; false: it is not in storage. */
type WriteOwed = (items: readonly OwedItem[]) => Promise<readonly boolean[]>;

/**
 * Writes the owed records into the shared collections, in the order of arrival, while this service has the role. Each write is
 * idempotent, so an item is removed from the list after it.
 */
@Injectable()
export class OwedWriter implements OnApplicationBootstrap {
  private readonly logger = new Logger(OwedWriter.name);
  private readonly written;
  private readonly writers: Readonly<Record<LegacyPostKind, WriteOwed>> = {
    crash: (items) => this.writeCrashes(items),
    position: (items) => this.writePositions(items),
    picture: (items) => this.writePictures(items),
  };

  constructor(
    private readonly owed: OwedRepository,
    private readonly roles: LegacyRoles,
    private readonly positions: PositionLogService,
    private readonly crashes: CrashesService,
    private readonly shadowPictures: ShadowPictures,
    private readonly pictureWriter: BoxPictureWriter,
    private readonly positionSource: PositionSource,
    private readonly crashSource: CrashSource,
    private readonly pictureSource: PictureSource,
    private readonly database: DatabaseConnection,
    private readonly jobs: BackgroundJobs,
    private readonly clock: Clock,
    metrics: Metrics,
  ) {
    this.written = metrics.counter({
      name: 'samserver_legacy_owed_total',
      help: 'Records of boxes that the old server had not got: written into its collections later, or gone from storage.',
      labelNames: ['kind', 'outcome'],
    });
    for (const kind of POST_KINDS)
      for (const outcome of ['written', 'gone']) this.written.inc({ kind, outcome }, 0);
  }

  onApplicationBootstrap(): void {
    // A job for each kind: pictures that a full volume refuses must not hold up a crash.
    for (const kind of POST_KINDS)
      this.jobs.start({
        name: `legacy-owed-${kind}`,
        intervalMs: INTERVAL_MS,
        lock: {},
        startsAfter: () => this.database.whenStarted(),
        run: (signal) => this.writeAll(kind, signal),
      });
  }

  /** @throws storage's errors and the temporary errors `images/…`: the items stay */
  private async writeAll(kind: LegacyPostKind, signal: AbortSignal): Promise<void> {
    for (let last: OwedItem | null = null; this.roles.isWriter && !signal.aborted;) {
      const items: OwedItem[] = await this.owed.list(kind, last, PAGE_SIZE[kind]);
      last = items.at(-1) ?? null;
      if (!last) return;
      const areWritten = await this.writers[kind](items);
      const done = items.filter((_, n) => areWritten[n]);
      const gone = items.filter((item, n) => !areWritten[n] && this.isGone(item));
      if (gone.length > 0)
        this.logger.warn({ kind, items: gone.length }, 'owed records are not in storage any more');
      await this.owed.remove([...done, ...gone]);
      this.written.inc({ kind, outcome: 'written' }, done.length);
      this.written.inc({ kind, outcome: 'gone' }, gone.length);
    }
  }

  private isGone({ at }: OwedItem): boolean {
    return this.clock.nowMs() - at.getTime() > GONE_AFTER_MS;
  }

  private async writePositions(items: readonly OwedItem[]): Promise<readonly boolean[]> {
    const keys = items.map(({ vehicleId, recordId }) => ({ vehicleId, timeMs: Number(recordId) }));
    const found = await this.positions.find(keys);
    await this.positionSource.writeOwed(found.flatMap((position) => position ?? []));
    return found.map((position) => position !== null);
  }

  private async writeCrashes(items: readonly OwedItem[]): Promise<readonly boolean[]> {
    const found = await Promise.all(items.map(({ recordId }) => this.crashes.find(recordId)));
    await this.crashSource.writeOwed(found.flatMap((crash) => crash ?? []));
    return found.map((crash) => crash !== null);
  }

  /** Pictures that arrived beside the old server are not in the volume yet. */
  private async writePictures(items: readonly OwedItem[]): Promise<readonly boolean[]> {
    const areWritten: boolean[] = [];
    for (const { vehicleId, recordId } of items) {
      const pictures = await this.shadowPictures.find(vehicleId, new Date(Number(recordId)));
      if (pictures) {
        const names = await this.pictureWriter.store(pictures);
        await this.pictureSource.writeOwed([{ vehicleId, at: pictures.receivedAt, names }]);
      }
      areWritten.push(pictures !== null);
    }
    return areWritten;
  }
}
