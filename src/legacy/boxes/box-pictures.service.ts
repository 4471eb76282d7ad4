import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { SETTINGS, type Settings } from '../../config/index.js';
import {
  ClientAddresses,
  Clock,
  DomainError,
  type ErrorCode,
  EventBus,
  FairSlots,
} from '../../core/index.js';
import { ImageIntakeService, type IncomingFile } from '../../images/index.js';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { BoxDirectory } from './box-directory.js';
import { dialectOf, readLegacyBody } from './legacy-body.js';
import { type LegacyFile, type LegacyForm, readLegacyForm } from './legacy-form.js';
import { type BoxCheck, PostLimits } from './post-limits.js';
import { isLegacyPicturePath, legacyPictureAddress, legacyPicturePath } from './legacy-picture-path.js';

const MAX_FILES = 12;
/** A request may be as large as this number of pictures of the largest size. */
const MAX_FULL_SIZE_PICTURES = 4;
/** Age that a request can have without being cut for others. A box sends two small pictures. */
const SAFE_AGE_MS = 5_000;
/** The same bytes would be refused again, and a box repeats a refused request for ever: these get the answer 200. */
const PERMANENT_ERRORS: ReadonlySet<ErrorCode> = new Set([
  'images/not-a-picture',
  'images/damaged',
  'images/too-large',
  'images/too-many-pixels',
]);

/** Stores the pictures of old boxes: through the image intake, at the paths of the old server. */
@Injectable()
export class BoxPicturesService {
  private readonly logger = new Logger(BoxPicturesService.name);
  private readonly reads: FairSlots;

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly intake: ImageIntakeService,
    private readonly events: EventBus,
    private readonly metrics: LegacyMetrics,
    private readonly limits: PostLimits,
    private readonly addresses: ClientAddresses,
    private readonly clock: Clock,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.reads = new FairSlots(settings.legacy.boxes.picturePostsAtOnce, SAFE_AGE_MS);
    events.share('legacy-snapshot.stored');
  }

  /**
   * Resolves when every valid picture of the request is durable.
   * @returns the fields, and whether a vehicle has this box
   * @throws UnreadableBodyError, TooManyPostsError, storage/unavailable, and temporary errors `images/…`
   */
  async ingest(
    request: IncomingMessage,
  ): Promise<{ readonly fields: LegacyFields; readonly isKnown: boolean }> {
    if (dialectOf(request) === 'multipart') return this.ingestForm(request);
    const { fields } = await readLegacyBody(request);
    return { fields, isKnown: (await this.boxes.find(boxCodeIn(fields))) !== null };
  }

  private async ingestForm(request: IncomingMessage): ReturnType<BoxPicturesService['ingest']> {
    const check = this.limits.boxCheck('picture', request);
    const form = await this.read(request, check);
    const received = form.files.flatMap(({ outcome }) =>
      outcome.status === 'fulfilled' ? [outcome.value] : [],
    );
    try {
      if (form.fault) throw form.fault;
      const { fields, files } = form;
      const code = boxCodeIn(fields);
      const vehicleId = await this.boxes.find(code);
      if (code === null || vehicleId === null) return { fields, isKnown: false };
      check(vehicleId);
      const paths: string[] = [];
      // All names of a request have the same time: the shared collections find by it which pictures belong together.
      const at = new Date(this.clock.nowMs());
      for (const file of files) {
        const path = await this.store(vehicleId, code, at, file);
        if (path !== null) paths.push(path);
      }
      this.metrics.post('picture', paths.length === files.length ? 'taken' : 'unusable');
      if (paths.length > 0) {
        const names = paths.map(legacyPictureAddress);
        this.events.publish('legacy-snapshot.stored', { vehicleId, at, names, originalFields: fields });
      }
      return { fields, isKnown: true };
    } finally {
      for (const each of received) await this.intake.discard(each);
    }
  }

  private async read(request: IncomingMessage, check: BoxCheck): Promise<LegacyForm<IncomingFile>> {
    const network = this.addresses.networkOf(request);
    const slot = this.reads.open(network, this.clock.nowMs(), () => request.destroy());
    if (!slot) throw tooManyPictures();
    const { maxBytes } = this.intake;
    try {
      const form = await readLegacyForm(request, {
        maxBytes: MAX_FULL_SIZE_PICTURES * maxBytes,
        maxFiles: MAX_FILES,
        maxFileBytes: maxBytes,
        receive: (content, fields) => this.receive(content, fields, check),
      });
      return slot.isCut ? { ...form, fault: tooManyPictures() } : form;
    } finally {
      slot.release();
    }
  }

  /** Skips the pictures of an unknown box, and of one over its rate, when its code comes before them. */
  private async receive(content: Readable, fields: LegacyFields, check: BoxCheck): Promise<IncomingFile> {
    const code = boxCodeIn(fields);
    try {
      if (code !== null) {
        const vehicleId = await this.boxes.find(code);
        // The answer shows this error only when a vehicle gets the box code in the meantime.
        if (vehicleId === null) throw tooManyPictures();
        check(vehicleId);
      }
    } catch (error) {
      content.destroy();
      throw error;
    }
    return this.intake.receive(content);
  }

  /** @returns the path below IMAGE_DIR; null when it can never be stored */
  private async store(
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
        // Not the vehicle alone: its device with a token has a queue of its own.
        caller: `box ${vehicleId}`,
        choosePath: (extension) => legacyPicturePath(code, at, timeZone, extension),
        isAcceptablePath: isLegacyPicturePath,
      });
      return path;
    } catch (error) {
      if (!(error instanceof DomainError) || !PERMANENT_ERRORS.has(error.code)) throw error;
      this.logger.warn({ vehicleId, code: error.code }, 'picture of an old box not stored');
      return null;
    }
  }
}

function tooManyPictures(): DomainError {
  return new DomainError('images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
