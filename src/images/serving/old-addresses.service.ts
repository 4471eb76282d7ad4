import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/index.js';
import { readImageHeader, SIGNATURE_BYTES } from '../formats/image-header.js';
import type { ImageType } from '../formats/image-type.js';
import { imageNotFound } from '../image.errors.js';
import { sanitizeFilename } from '../image.js';
import { ImageVolume } from '../volume/image-volume.js';
import { openInVolume, type OpenFile } from '../volume/open-in-volume.js';
import { logRefusedAddress, pathOfOldAddress } from './old-address.js';
import type { ImageResponse } from './send-image.js';

/** The same as on the old server: clients revalidate every time and get 304. */
const CACHE_CONTROL = { public: 'public, max-age=0', token: 'private, max-age=0' } as const;
/** The old server accepted any file. A browser must not show one that is no image. */
const OTHER_CONTENT_TYPE = 'application/octet-stream';

/** Opens the old server's files by their old addresses, adopted or not. */
@Injectable()
export class OldAddressesService {
  constructor(
    private readonly volume: ImageVolume,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  get areTokensRequired(): boolean {
    return this.settings.images.oldAddresses === 'token';
  }

  /**
   * The caller closes the file.
   * @param url as received
   * @throws images/not-found, images/volume-unavailable
   */
  async open(url: string): Promise<ImageResponse> {
    const path = pathOfOldAddress(url);
    if (path === null) {
      logRefusedAddress(url);
      throw imageNotFound();
    }
    const found = await openInVolume(this.volume.directory, path, () => logRefusedAddress(url));
    // A picture that arrived while the old server writes the volume.
    const file = found ?? (await openInVolume(this.settings.legacy.shadowDirectory, path));
    if (file === null) throw imageNotFound();
    const contentType = await imageTypeOf(file);
    return {
      file,
      path,
      contentType: contentType ?? OTHER_CONTENT_TYPE,
      filename: sanitizeFilename(path, contentType),
      etag: `W/"${file.sizeBytes.toString(16)}-${Math.floor(file.mtimeMs).toString(16)}"`,
      cacheControl: CACHE_CONTROL[this.settings.images.oldAddresses],
      // nginx has the volume only.
      isAccelerated: found !== null && this.settings.images.isAccelerated,
    };
  }
}

async function imageTypeOf({ handle }: OpenFile): Promise<ImageType | null> {
  const head = Buffer.alloc(SIGNATURE_BYTES);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  return readImageHeader(head.subarray(0, bytesRead))?.contentType ?? null;
}
