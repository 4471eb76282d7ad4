import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Clock, DomainError, type ErrorCode } from '../../common/index.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ImageIntake, type IncomingFile } from '../../images/index.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { BoxDirectory } from './box-directory.js';
import { BoxSnapshots } from './box-snapshots.js';
import { dialectOf, readOldBody } from './old-body.js';
import type { OldFields } from './old-fields.js';
import { type OldFile, type OldForm, readOldForm } from './old-form.js';
import { isOldPlace, oldPicturePlace } from './old-picture-place.js';
import { boxCodeIn } from './old-values.js';

const MOST_FILES = 12;
/** Of one request, in the largest pictures that there may be. */
const MOST_LARGEST = 4;
/** Boxes on bad lines take minutes: so many are read at once, and one more is told to come again. */
const MOST_AT_ONCE = 64;
/** The same bytes would be refused again: a box that is told so sends them for ever. */
const FOR_GOOD: ReadonlySet<ErrorCode> = new Set([
  'images/not-a-picture',
  'images/damaged',
  'images/too-large',
  'images/too-many-pixels',
]);

/** Pictures of old boxes, through the door that everybody's come through, and to where the old server put them. */
@Injectable()
export class BoxPictures {
  private readonly logger = new Logger(BoxPictures.name);
  private reading = 0;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly intake: ImageIntake,
    private readonly snapshots: BoxSnapshots,
    private readonly metrics: LegacyMetrics,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * Resolves when every picture in it that is one is durable.
   * @returns the fields, and whether a vehicle has this box
   * @throws UnreadableBodyError, storage/unavailable, and what of `images/…` may be over later
   */
  async take(request: IncomingMessage): Promise<{ readonly fields: OldFields; readonly isKnown: boolean }> {
    if (this.reading >= MOST_AT_ONCE) throw busy();
    this.reading += 1;
    try {
      if (dialectOf(request) === 'multipart') return await this.takeForm(request);
      const { fields } = await readOldBody(request);
      return { fields, isKnown: (await this.boxes.find(boxCodeIn(fields))) !== null };
    } finally {
      this.reading -= 1;
    }
  }

  private async takeForm(request: IncomingMessage): ReturnType<BoxPictures['take']> {
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
      this.snapshots.tell(vehicleId, fields, places);
      return { fields, isKnown: true };
    } finally {
      for (const each of received) await this.intake.discard(each);
    }
  }

  private read(request: IncomingMessage): Promise<OldForm<IncomingFile>> {
    const { maxBytes } = this.intake;
    return readOldForm(request, {
      mostBytes: MOST_LARGEST * maxBytes,
      mostFiles: MOST_FILES,
      mostFileBytes: maxBytes,
      receive: (content, fields) => this.receive(content, fields),
    });
  }

  /** Not for a box that is no vehicle's, where that is known before its pictures come. */
  private async receive(content: Readable, fields: OldFields): Promise<IncomingFile> {
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
    { filename, outcome }: OldFile<IncomingFile>,
  ): Promise<string | null> {
    try {
      if (outcome.status === 'rejected') throw outcome.reason;
      const { timeZone } = this.settings.legacy;
      const { path } = await this.intake.keep(outcome.value, {
        vehicleId,
        filename,
        choosePlace: (extension) => oldPicturePlace(code, at, timeZone, extension),
        isGoodPlace: isOldPlace,
      });
      return path;
    } catch (error) {
      if (!(error instanceof DomainError) || !FOR_GOOD.has(error.code)) throw error;
      this.logger.warn({ vehicleId, code: error.code }, 'a picture of an old box was not kept');
      return null;
    }
  }
}

function busy(): DomainError {
  return new DomainError('unavailable', 'images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
