import { Inject, Injectable, Logger } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { imageNotFound } from '../image.errors.js';
import { ImagesService } from '../images.service.js';
import { ImageVolume } from '../volume/image-volume.js';
import { openInVolume } from '../volume/open-in-volume.js';
import type { ThumbnailWidth } from '../volume/volume-layout.js';
import type { ImageResponse } from './send-image.js';
import { ThumbnailsService } from './thumbnails.service.js';

/** The content of an id never changes, so a client may keep it. */
const IMMUTABLE_CACHE_CONTROL = 'private, max-age=31536000, immutable';

/** Opens images and thumbnails by image id, ready to be sent. */
@Injectable()
export class ImageContentService {
  private readonly logger = new Logger(ImageContentService.name);

  constructor(
    private readonly images: ImagesService,
    private readonly volume: ImageVolume,
    private readonly thumbnails: ThumbnailsService,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** The caller closes the file. @throws images/not-found, images/volume-unavailable */
  async open(id: string): Promise<ImageResponse> {
    const image = await this.images.get(id);
    const file = await openInVolume(this.volume.directory, image.path);
    if (!file) {
      // `samserver images verify` lists all records without a file.
      this.logger.error({ id, path: image.path }, 'image file is missing');
      throw imageNotFound();
    }
    const { contentType, filename, path, sha256 } = image;
    return { ...this.sharedFields(), file, path, contentType, filename, etag: `"${sha256}"` };
  }

  /**
   * The caller closes the file.
   * @param account of the caller
   * @throws images/not-found and the errors of `ThumbnailsService.open`
   */
  async openThumbnail(id: string, width: ThumbnailWidth, account: string): Promise<ImageResponse> {
    const image = await this.images.get(id);
    const { file, path } = await this.thumbnails.open(image, width, account);
    const etag = `"${image.sha256}-${width}"`;
    const filename = `${id}-${width}.webp`;
    return { ...this.sharedFields(), file, path, contentType: 'image/webp', filename, etag };
  }

  private sharedFields(): Pick<ImageResponse, 'cacheControl' | 'isAccelerated'> {
    return { cacheControl: IMMUTABLE_CACHE_CONTROL, isAccelerated: this.settings.images.isAccelerated };
  }
}
