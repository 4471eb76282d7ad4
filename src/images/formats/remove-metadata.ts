import { removeHeifMetadata } from './heif.js';
import type { ImageType } from './image-type.js';
import { removeJpegMetadata } from './jpeg.js';
import { removePngMetadata } from './png.js';
import { removeWebpMetadata } from './webp.js';

/**
 * Removes location, device, owner and times of an image, and bytes after its end. It overwrites the given bytes and
 * does not decode: no pixel changes; colour profile and orientation stay.
 * @returns a view of the same bytes that may be shorter
 * @throws RangeError when the structure of the image is broken
 */
export function removeMetadata(bytes: Buffer, contentType: ImageType): Buffer {
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
