import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { EventBus } from '../../core/index.js';
import { type Image, ImageSetIntakeService } from '../../images/index.js';
import { OwedRepository } from '../owed/owed.repository.js';
import { namesInPlaces } from '../picture-names.js';
import { LegacyRoles } from '../roles/legacy-roles.js';
import { ShadowPictures } from '../shadow-pictures/shadow-pictures.js';
import type { BoxPictures } from './box-pictures.js';
import { isLegacyPicturePath, legacyPictureAddress, legacyPicturePath } from './legacy-picture-path.js';

/** Between two requests with the same bytes that share one image. An older image may be about to be deleted by retention. */
const REUSED_WITHIN_MS = 3_000_000;

/** Stores the pictures of old boxes: through the image intake, at the paths of the old server. */
@Injectable()
export class BoxPictureWriter {
  private readonly logger = new Logger(BoxPictureWriter.name);

  constructor(
    private readonly intake: ImageSetIntakeService,
    private readonly shadow: ShadowPictures,
    private readonly owed: OwedRepository,
    private readonly roles: LegacyRoles,
    private readonly events: EventBus,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    events.share('legacy-snapshot.stored');
  }

  /**
   * Resolves when every picture that can be stored is durable. A request that is written again is stored once. Nothing gets into
   * the volume while the old server writes it.
   * @returns `unusable`: a picture is damaged, or cannot be stored
   * @throws storage/unavailable and the temporary errors `images/…`
   */
  async write(pictures: BoxPictures): Promise<'taken' | 'unusable'> {
    const { vehicleId, receivedAt } = pictures;
    const isOurs = (await this.roles.ours([pictures])).length > 0;
    if (isOurs && this.roles.isWriter) return this.writeToVolume(pictures);
    const paths = await this.shadow.write(pictures);
    // It arrived while this service had the role, which the old server has got back since.
    if (isOurs)
      await this.owed.add({
        ...{ kind: 'picture', recordId: String(receivedAt.getTime()), vehicleId, at: receivedAt },
        reason: 'role changed',
      });
    this.publish(pictures, namesInPlaces(paths.map((path) => path && legacyPictureAddress(path))), true);
    return paths.includes(null) ? 'unusable' : 'taken';
  }

  /**
   * Stores the pictures in the volume.
   * @returns their addresses in their places; empty when none can be stored
   * @throws as `write`
   */
  async store(pictures: BoxPictures): Promise<readonly string[]> {
    return namesOf(await this.keep(pictures));
  }

  private async writeToVolume(pictures: BoxPictures): Promise<'taken' | 'unusable'> {
    const images = await this.keep(pictures);
    this.publish(pictures, namesOf(images), false);
    const places = images.flatMap((image, place) => (image === null || image.isDamaged ? [place] : []));
    if (places.length === 0) return 'taken';
    const { vehicleId } = pictures;
    this.logger.warn({ vehicleId, places }, 'pictures of an old box damaged or not stored');
    return 'unusable';
  }

  private keep({ vehicleId, boxCode, receivedAt, files }: BoxPictures): Promise<readonly (Image | null)[]> {
    const { timeZone } = this.settings.legacy;
    return this.intake.keep({
      vehicleId,
      parts: files,
      receivedAt,
      // Not the vehicle alone: its device with a token has a queue of its own.
      caller: `box ${vehicleId}`,
      choosePath: (extension) => legacyPicturePath(boxCode, receivedAt, timeZone, extension),
      isReusable: ({ path, createdAt }) =>
        isLegacyPicturePath(path) && Math.abs(createdAt.getTime() - receivedAt.getTime()) < REUSED_WITHIN_MS,
    });
  }

  private publish(
    { vehicleId, receivedAt, fields }: BoxPictures,
    names: readonly string[],
    isShadow: boolean,
  ): void {
    if (names.length === 0) return;
    const snapshot = { vehicleId, at: receivedAt, names, originalFields: fields };
    this.events.publish('legacy-snapshot.stored', { ...snapshot, ...(isShadow && { isShadow }) });
  }
}

function namesOf(images: readonly (Image | null)[]): readonly string[] {
  return namesInPlaces(images.map((image) => image && legacyPictureAddress(image.path)));
}
