import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ThumbnailWidth } from '../volume/volume-layout.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { openInVolume } from '../volume/open-in-volume.js';
import { imageNotFound } from '../image.errors.js';
import { ImageVolume } from '../volume/image-volume.js';
import { ImagesRepository } from '../images.repository.js';
import type { PictureResponse } from './send-picture.js';
import { ThumbnailsService } from './thumbnails.service.js';

/** What is under an id never changes: whoever may see it may keep it. */
const IMMUTABLE_CACHE_CONTROL = 'private, max-age=31536000, immutable';

/** Pictures by their id, opened and ready to be sent. */
@Injectable()
export class ImageContentService {
  private readonly logger = new Logger(ImageContentService.name);

  constructor(
    private readonly images: ImagesRepository,
    private readonly volume: ImageVolume,
    private readonly thumbnails: ThumbnailsService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The file is the caller's to close. @throws images/not-found, images/volume-unavailable */
  async open(id: string): Promise<PictureResponse> {
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

  /** The file is the caller's to close. @throws images/not-found and what `ThumbnailsService.open` throws */
  async openThumbnail(id: string, width: ThumbnailWidth): Promise<PictureResponse> {
    const image = await this.images.getById(id);
    const { file, path } = await this.thumbnails.open(image, width);
    const etag = `"${image.sha256}-${width}"`;
    return { ...this.common(), file, path, contentType: 'image/webp', filename: `${id}-${width}.webp`, etag };
  }

  private common(): Pick<PictureResponse, 'cacheControl' | 'isAccelerated'> {
    return { cacheControl: IMMUTABLE_CACHE_CONTROL, isAccelerated: this.settings.images.isAccelerated };
  }
}
