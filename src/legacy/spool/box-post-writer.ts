import { Inject, Injectable, Logger } from '@nestjs/common';
import { Readable } from 'node:stream';
import { SETTINGS, type Settings } from '../../config/index.js';
import { DomainError, type ErrorCode, EventBus, type Position } from '../../core/index.js';
import { CrashesService } from '../../crashes/index.js';
import { ImageIntakeService } from '../../images/index.js';
import { parseMeasurements, PositionsService } from '../../tracking/index.js';
import {
  isLegacyPicturePath,
  legacyPictureAddress,
  legacyPicturePath,
} from '../boxes/legacy-picture-path.js';
import { measurementsIn } from '../legacy-fields.js';
import type { BoxPost, PictureFile, PicturePost, PositionPost } from './box-post.js';

/** The same bytes would be refused again: their request gets the answer 200. */
const PERMANENT_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'images/not-a-picture',
  'images/damaged',
  'images/too-large',
  'images/too-many-pixels',
]);

/** `unusable`: nothing of the request, or only a part of it, can be stored. */
export type WriteResult = 'taken' | 'unusable';

/** Stores the requests of boxes. Each method is idempotent: a request that is written again is stored once. */
@Injectable()
export class BoxPostWriter {
  private readonly logger = new Logger(BoxPostWriter.name);

  constructor(
    private readonly positions: PositionsService,
    private readonly crashes: CrashesService,
    private readonly intake: ImageIntakeService,
    private readonly events: EventBus,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    events.share('legacy-snapshot.stored');
  }

  /** Resolves when the request is durable in storage. @throws storage/unavailable and every code of `images/…` */
  async write(post: BoxPost): Promise<WriteResult> {
    switch (post.kind) {
      case 'position':
        return this.writePositions([post]);
      case 'crash':
        await this.crashes.record(post.crash, post.fields);
        return 'taken';
      case 'picture':
        return this.writePictures(post);
    }
  }

  /** Resolves when all are durable in storage, with one write. @param posts at most 1,000 */
  async writePositions(posts: readonly PositionPost[]): Promise<WriteResult> {
    await this.positions.recordReceived(posts.flatMap(toPosition), 'legacy');
    return 'taken';
  }

  private async writePictures({
    vehicleId,
    boxCode,
    receivedAtMs,
    fields,
    files,
  }: PicturePost): Promise<WriteResult> {
    // All names of a request have the same time: the shared collections find by it which pictures belong together.
    const at = new Date(receivedAtMs);
    const paths: string[] = [];
    for (const file of files) {
      const path = await this.writePicture(vehicleId, boxCode, at, file);
      if (path !== null) paths.push(path);
    }
    if (paths.length > 0) {
      const names = paths.map(legacyPictureAddress);
      this.events.publish('legacy-snapshot.stored', { vehicleId, names, originalFields: fields });
    }
    return paths.length === files.length ? 'taken' : 'unusable';
  }

  /** @returns the path below IMAGE_DIR; null when it can never be stored */
  private async writePicture(
    vehicleId: string,
    boxCode: string,
    at: Date,
    { filename, bytes }: PictureFile,
  ): Promise<string | null> {
    try {
      const received = await this.intake.receive(Readable.from([bytes]), at);
      try {
        const { path } = await this.intake.keep(received, {
          vehicleId,
          filename,
          // Not the vehicle alone: its device with a token has a queue of its own.
          caller: `box ${vehicleId}`,
          choosePath: (extension) => legacyPicturePath(boxCode, at, this.settings.legacy.timeZone, extension),
          isAcceptablePath: isLegacyPicturePath,
        });
        return path;
      } finally {
        await this.intake.discard(received);
      }
    } catch (error) {
      if (!(error instanceof DomainError) || !PERMANENT_ERRORS.has(error.code)) throw error;
      this.logger.warn({ vehicleId, code: error.code }, 'picture of an old box not stored');
      return null;
    }
  }
}

function toPosition({ vehicleId, timeMs, receivedAtMs, fields }: PositionPost): Position[] {
  const parsed = parseMeasurements(measurementsIn(fields), timeMs, fields);
  return 'fix' in parsed ? [{ ...parsed.fix, vehicleId, receivedAtMs }] : [];
}
