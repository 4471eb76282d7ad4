import { removeHeifMetadata } from './heif.js';
import { removeJpegMetadata } from './jpeg.js';
import type { PictureType } from './picture-type.js';
import { removePngMetadata } from './png.js';
import { removeWebpMetadata } from './webp.js';

/**
 * Takes out of a picture what says where, when, by whom and with what it was taken, and whatever hangs on behind its
 * end; in the bytes given, without decoding: not one pixel changes, colour profile and orientation stay.
 * @returns the picture, a view of the same bytes that may be shorter
 * @throws RangeError for a picture whose structure is broken
 */
export function removeMetadata(bytes: Buffer, contentType: PictureType): Buffer {
  switch (contentType) {
    case 'image/jpeg':
      return removeJpegMetadata(bytes);
    case 'image/png':
      return removePngMetadata(bytes);
    case 'image/webp':
      return removeWebpMetadata(bytes);
    case 'image/heic':
    case 'image/avif':
      return removeHeifMetadata(bytes);
  }
}
