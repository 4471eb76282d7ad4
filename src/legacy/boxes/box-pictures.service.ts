import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Clock, DomainError, type ErrorCode } from '../../core/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ImageIntakeService, type IncomingFile } from '../../images/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { BoxDirectory } from './box-directory.js';
import { SnapshotPublisher } from './snapshot-publisher.js';
import { dialectOf, readLegacyBody } from './legacy-body.js';
import type { LegacyFields } from './legacy-fields.js';
import { type LegacyFile, type LegacyForm, readLegacyForm } from './legacy-form.js';
import { isLegacyPicturePath, legacyPicturePath } from './legacy-picture-path.js';
import { boxCodeIn } from './legacy-values.js';

const MAX_FILES = 12;
/** Of one request, in the largest pictures that there may be. */
const MAX_FULL_SIZE_PICTURES = 4;
/** Boxes on bad lines ingest minutes: so many are read at once, and one more is told to come again. */
const MAX_CONCURRENT_READS = 64;
/** The same bytes would be refused again: a box that is told so sends them for ever. */
const PERMANENT_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'images/not-a-picture',
  'images/damaged',
  'images/too-large',
  'images/too-many-pixels',
]);

/** Pictures of old boxes, through the door that everybody's come through, and to where the old server put them. */
@Injectable()
export class BoxPicturesService {
  private readonly logger = new Logger(BoxPicturesService.name);
  private reading = 0;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly intake: ImageIntakeService,
    private readonly snapshots: SnapshotPublisher,
    private readonly metrics: LegacyMetrics,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * Resolves when every picture in it that is one is durable.
   * @returns the fields, and whether a vehicle has this box
   * @throws UnreadableBodyError, storage/unavailable, and what of `images/…` may be over later
   */
  async ingest(
    request: IncomingMessage,
  ): Promise<{ readonly fields: LegacyFields; readonly isKnown: boolean }> {
    if (this.reading >= MAX_CONCURRENT_READS) throw busy();
    this.reading += 1;
    try {
      if (dialectOf(request) === 'multipart') return await this.ingestForm(request);
      const { fields } = await readLegacyBody(request);
      return { fields, isKnown: (await this.boxes.find(boxCodeIn(fields))) !== null };
    } finally {
      this.reading -= 1;
    }
  }

  private async ingestForm(request: IncomingMessage): ReturnType<BoxPicturesService['ingest']> {
    const form = await this.read(request);
    const received = form.files.flatMap(({ outcome }) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    try {
      if (form.fault) throw form.fault;
      const { fields, files } = form;
      const code = boxCodeIn(fields);
      const vehicleId = await this.boxes.find(code);
      if (code === null || vehicleId === null) return { fields, isKnown: false };
      const places: string[] = [];
      // One time in all names of a post: by it the other programs' collections know what came together.
      const at = new Date(this.clock.nowMs());
      for (const file of files) {
        const place = await this.keep(vehicleId, code, at, file);
        if (place !== null) places.push(place);
      }
      this.metrics.post('picture', places.length === files.length ? 'taken' : 'unusable');
      this.snapshots.broadcast(vehicleId, fields, places);
      return { fields, isKnown: true };
    } finally {
      for (const each of received) await this.intake.discard(each);
    }
  }

  private read(request: IncomingMessage): Promise<LegacyForm<IncomingFile>> {
    const { maxBytes } = this.intake;
    return readLegacyForm(request, {
      maxBytes: MAX_FULL_SIZE_PICTURES * maxBytes,
      maxFiles: MAX_FILES,
      maxFileBytes: maxBytes,
      receive: (content, fields) => this.receive(content, fields),
    });
  }

  /** Not for a box that is no vehicle's, where that is known before its pictures come. */
  private async receive(content: Readable, fields: LegacyFields): Promise<IncomingFile> {
    const code = boxCodeIn(fields);
    if (code !== null && (await this.boxes.find(code)) === null) {
      content.destroy();
      // Only who gets its code in this very moment ever hears of it.
      throw busy();
    }
    return this.intake.receive(content);
  }

  /** @returns where it stands; null: it can never be kept */
  private async keep(
    vehicleId: string,
    code: string,
    at: Date,
    { filename, outcome }: LegacyFile<IncomingFile>,
  ): Promise<string | null> {
    try {
      if (outcome.status === 'rejected') throw outcome.reason;
      const { timeZone } = this.settings.legacy;
      const { path } = await this.intake.keep(outcome.value, {
        vehicleId,
        filename,
        choosePath: (extension) => legacyPicturePath(code, at, timeZone, extension),
        isAcceptablePath: isLegacyPicturePath,
      });
      return path;
    } catch (error) {
      if (!(error instanceof DomainError) || !PERMANENT_ERRORS.has(error.code)) throw error;
      this.logger.warn({ vehicleId, code: error.code }, 'a picture of an old box was not kept');
      return null;
    }
  }
}

function busy(): DomainError {
  return new DomainError('images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
