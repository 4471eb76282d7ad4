import { Inject, Injectable, Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SETTINGS, type Settings } from '../../config/index.js';
import { ClientAddresses, Clock, DomainError, EventBus, FairSlots, readBytes } from '../../core/index.js';
import { ImageSetIntakeService } from '../../images/index.js';
import { boxCodeIn, type LegacyFields } from '../legacy-fields.js';
import { LegacyMetrics } from '../legacy-metrics.js';
import { namesInPlaces } from '../picture-names.js';
import { BoxDirectory } from './box-directory.js';
import { dialectOf, readLegacyBody } from './legacy-body.js';
import { type LegacyForm, parseLegacyForm } from './legacy-form.js';
import { isLegacyPicturePath, legacyPictureAddress, legacyPicturePath } from './legacy-picture-path.js';
import { PostLimits } from './post-limits.js';

const MAX_FILES = 12;
/** Of a request. It is held in memory: a box sends at most 0.5 MB. */
export const MAX_PICTURE_POST_BYTES = 2_000_000;
/** Between two requests with the same bytes that share one image. An older image may be about to be deleted by retention. */
const REUSED_WITHIN_MS = 3_000_000;
/** Age that a request can have without being cut for others. A box sends two small pictures. */
const SAFE_AGE_MS = 5_000;

/** A picture request that is no form. The old server failed, because it looked for files. Answered with 500. */
export class NoFormError extends Error {}

/** Stores the pictures of old boxes: through the image intake, at the paths of the old server. */
@Injectable()
export class BoxPicturesService {
  private readonly logger = new Logger(BoxPicturesService.name);
  private readonly reads: FairSlots;
  private readonly lastMs = new Map<string, number>();

  constructor(
    private readonly boxes: BoxDirectory,
    private readonly intake: ImageSetIntakeService,
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
   * Resolves when every picture of the request that can be stored is durable.
   * @returns the fields, and whether a vehicle has this box
   * @throws UnreadableBodyError, NoFormError, TooManyPostsError, storage/unavailable, and temporary errors `images/…`
   */
  async ingest(
    request: IncomingMessage,
  ): Promise<{ readonly fields: LegacyFields; readonly isKnown: boolean }> {
    const form = await this.read(request);
    const { fields } = form;
    const code = boxCodeIn(fields);
    const vehicleId = await this.boxes.find(code);
    if (code === null || vehicleId === null) return { fields, isKnown: false };
    this.limits.checkBox('picture', vehicleId, request);
    await this.store(vehicleId, code, form, this.nextTime(vehicleId));
    return { fields, isKnown: true };
  }

  private async read(request: IncomingMessage): Promise<LegacyForm> {
    if (dialectOf(request) !== 'multipart') {
      await readLegacyBody(request);
      throw new NoFormError('a picture request that is no form');
    }
    const network = this.addresses.networkOf(request);
    const slot = this.reads.open(network, this.clock.nowMs(), () => request.destroy());
    if (!slot) throw tooManyPictures();
    try {
      const body = await readBytes(request, MAX_PICTURE_POST_BYTES);
      return await parseLegacyForm(request, body, MAX_FILES);
    } catch (error) {
      throw slot.isCut ? tooManyPictures() : error;
    } finally {
      slot.release();
    }
  }

  private async store(vehicleId: string, code: string, form: LegacyForm, receivedAt: Date): Promise<void> {
    const { fields, files } = form;
    const { timeZone } = this.settings.legacy;
    const images = await this.intake.keep({
      vehicleId,
      parts: files,
      receivedAt,
      // Not the vehicle alone: its device with a token has a queue of its own.
      caller: `box ${vehicleId}`,
      choosePath: (extension) => legacyPicturePath(code, receivedAt, timeZone, extension),
      isReusable: ({ path, createdAt }) =>
        isLegacyPicturePath(path) && Math.abs(createdAt.getTime() - receivedAt.getTime()) < REUSED_WITHIN_MS,
    });
    const isWhole = images.every((image) => image !== null && !image.isDamaged);
    this.metrics.post('picture', isWhole ? 'taken' : 'unusable');
    if (!isWhole) {
      const places = images.flatMap((image, place) => (image === null || image.isDamaged ? [place] : []));
      this.logger.warn({ vehicleId, places }, 'pictures of an old box damaged or not stored');
    }
    const names = namesInPlaces(images.map((image) => image && legacyPictureAddress(image.path)));
    if (names.length > 0)
      this.events.publish('legacy-snapshot.stored', {
        vehicleId,
        at: receivedAt,
        names,
        originalFields: fields,
      });
  }

  /** Now, but later than the request before: the pictures of two requests within a millisecond must not be mixed. */
  private nextTime(vehicleId: string): Date {
    const atMs = Math.max(this.clock.nowMs(), (this.lastMs.get(vehicleId) ?? 0) + 1);
    this.lastMs.set(vehicleId, atMs);
    return new Date(atMs);
  }
}

function tooManyPictures(): DomainError {
  return new DomainError('images/busy', 'Too many pictures arrive just now; send it again.', {
    retryAfterMs: 2_000,
  });
}
