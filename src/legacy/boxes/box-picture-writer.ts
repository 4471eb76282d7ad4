import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { EventBus } from '../../core/index.js';
import { type ImagePart, ImageSetIntakeService } from '../../images/index.js';
import type { LegacyFields } from '../legacy-fields.js';
import { namesInPlaces } from '../picture-names.js';
import { isLegacyPicturePath, legacyPictureAddress, legacyPicturePath } from './legacy-picture-path.js';

/** Between two requests with the same bytes that share one image. An older image may be about to be deleted by retention. */
const REUSED_WITHIN_MS = 3_000_000;

/** The pictures of one request of an old box. */
export interface BoxPictures {
  readonly vehicleId: string;
  readonly boxCode: string;
  /** Time of the request; no other request of the vehicle has the same. */
  readonly receivedAt: Date;
  readonly fields: LegacyFields;
  /** In the order of the request. */
  readonly files: readonly ImagePart[];
}

/** Stores the pictures of old boxes: through the image intake, at the paths of the old server. */
@Injectable()
export class BoxPictureWriter {
  private readonly logger = new Logger(BoxPictureWriter.name);

  constructor(
    private readonly intake: ImageSetIntakeService,
    private readonly events: EventBus,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    events.share('legacy-snapshot.stored');
  }

  /**
   * Resolves when every picture that can be stored is durable. A request that is written again is stored once.
   * @returns `unusable`: a picture is damaged, or cannot be stored
   * @throws storage/unavailable and the temporary errors `images/…`
   */
  async write({ vehicleId, boxCode, receivedAt, fields, files }: BoxPictures): Promise<'taken' | 'unusable'> {
    const { timeZone } = this.settings.legacy;
    const images = await this.intake.keep({
      vehicleId,
      parts: files,
      receivedAt,
      // Not the vehicle alone: its device with a token has a queue of its own.
      caller: `box ${vehicleId}`,
      choosePath: (extension) => legacyPicturePath(boxCode, receivedAt, timeZone, extension),
      isReusable: ({ path, createdAt }) =>
        isLegacyPicturePath(path) && Math.abs(createdAt.getTime() - receivedAt.getTime()) < REUSED_WITHIN_MS,
    });
    const names = namesInPlaces(images.map((image) => image && legacyPictureAddress(image.path)));
    if (names.length > 0)
      this.events.publish('legacy-snapshot.stored', {
        vehicleId,
        at: receivedAt,
        names,
        originalFields: fields,
      });
    const places = images.flatMap((image, place) => (image === null || image.isDamaged ? [place] : []));
    if (places.length === 0) return 'taken';
    this.logger.warn({ vehicleId, places }, 'pictures of an old box damaged or not stored');
    return 'unusable';
  }
}
