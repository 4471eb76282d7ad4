import { Inject, Injectable, Logger } from '@nestjs/common';
import { pictureHeader, SIGNATURE_BYTES } from '../formats/picture-header.js';
import { sanitizeFilename } from '../sanitize-filename.js';
import { SETTINGS, type Settings } from '../../config/index.js';
import { openInVolume, type OpenFile } from '../volume/open-in-volume.js';
import { imageNotFound } from '../image.errors.js';
import { ImageVolume } from '../volume/image-volume.js';
import { pathOfOldAddress } from './old-address.js';
import type { PictureResponse } from './send-picture.js';

/** As the old server's: asked for anew each time, and answered with 304. */
const CACHE_CONTROL = { public: 'public, max-age=0', token: 'private, max-age=0' } as const;
/** The old server took any file; what is no picture is not shown as one. */
const OTHER_CONTENT_TYPE = 'application/octet-stream';

/** The files that the old server had, under the addresses that it gave them, whether adopted already or not. */
@Injectable()
export class OldAddressesService {
  private readonly logger = new Logger(OldAddressesService.name);

  constructor(
    private readonly volume: ImageVolume,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  get areTokensRequired(): boolean {
    return this.settings.images.oldAddresses === 'token';
  }

  /**
   * The file is the caller's to close.
   * @param url as it was sent
   * @throws images/not-found, images/volume-unavailable
   */
  async open(url: string): Promise<PictureResponse> {
    const path = pathOfOldAddress(url);
    const file = path === null ? null : await openInVolume(this.volume.directory, path, () => this.note(url));
    if (path === null) this.note(url);
    if (path === null || file === null) throw imageNotFound();
    const name = path.split('/').at(-1) ?? '';
    return {
      file,
      path,
      contentType: await contentTypeOf(file),
      filename: sanitizeFilename(name, 'bin'),
      etag: `W/"${file.sizeBytes.toString(16)}-${Math.floor(file.mtimeMs).toString(16)}"`,
      cacheControl: CACHE_CONTROL[this.settings.images.oldAddresses],
      isAccelerated: this.settings.images.isAccelerated,
    };
  }

  private note(url: string): void {
    this.logger.warn({ url: url.slice(0, 500) }, 'an address that leads out of the pictures was refused');
  }
}

async function contentTypeOf({ handle }: OpenFile): Promise<string> {
  const head = Buffer.alloc(SIGNATURE_BYTES);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  return pictureHeader(head.subarray(0, bytesRead))?.contentType ?? OTHER_CONTENT_TYPE;
}
