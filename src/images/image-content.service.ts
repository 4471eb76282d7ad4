import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ThumbnailWidth } from '../image-files/index.js';
import { SETTINGS, type Settings } from '../config/index.js';
import { openInVolume } from './file-in-volume.js';
import { imageNotFound } from './image.errors.js';
import { ImageVolume } from './image-volume.js';
import { ImagesRepository } from './images.repository.js';
import type { PictureAnswer } from './picture-answer.js';
import { Thumbnails } from './thumbnails.service.js';

/** What is under an id never changes: whoever may see it may keep it. */
const FOR_EVER = 'private, max-age=31536000, immutable';

/** Pictures by their id, opened and ready to be sent. */
@Injectable()
export class ImageContent {
  private readonly logger = new Logger(ImageContent.name);

  constructor(
    private readonly images: ImagesRepository,
    private readonly volume: ImageVolume,
    private readonly thumbnails: Thumbnails,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The file is the caller's to close. @throws images/not-found, images/volume-unavailable */
  async open(id: string): Promise<PictureAnswer> {
    const image = await this.images.getById(id);
    const file = await openInVolume(this.volume.directory, image.path);
    if (!file) {
      // A record without its file is a lost picture: `samserver images verify` names them all.
      this.logger.error({ id, path: image.path }, 'the file of a picture is missing');
      throw imageNotFound();
    }
    const { contentType, filename, path, sha256 } = image;
    return { ...this.common(), file, path, contentType, filename, etag: `"${sha256}"` };
  }

  /** The file is the caller's to close. @throws images/not-found and what `Thumbnails.open` throws */
  async openThumbnail(id: string, width: ThumbnailWidth): Promise<PictureAnswer> {
    const image = await this.images.getById(id);
    const { file, path } = await this.thumbnails.open(image, width);
    const etag = `"${image.sha256}-${width}"`;
    return { ...this.common(), file, path, contentType: 'image/webp', filename: `${id}-${width}.webp`, etag };
  }

  private common(): Pick<PictureAnswer, 'cacheControl' | 'isAccelerated'> {
    return { cacheControl: FOR_EVER, isAccelerated: this.settings.images.isAccelerated };
  }
}
