import { heifWithoutMetadata } from './heif-metadata.js';
import { jpegWithoutMetadata } from './jpeg-metadata.js';
import type { PictureType } from './picture-type.js';
import { pngWithoutMetadata } from './png-metadata.js';
import { webpWithoutMetadata } from './webp-metadata.js';

/**
 * Takes out of a picture what says where, when, by whom and with what it was taken, and whatever hangs on behind its
 * end; in the bytes given, without decoding: not one pixel changes, colour profile and orientation stay.
 * @returns the picture, a view of the same bytes that may be shorter
 * @throws RangeError for a picture whose structure is broken
 */
export function removeMetadata(bytes: Buffer, contentType: PictureType): Buffer {
  switch (contentType) {
    case 'image/jpeg':
      return jpegWithoutMetadata(bytes);
    case 'image/png':
      return pngWithoutMetadata(bytes);
    case 'image/webp':
      return webpWithoutMetadata(bytes);
    case 'image/heic':
    case 'image/avif':
      return heifWithoutMetadata(bytes);
  }
}
