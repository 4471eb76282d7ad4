import { removeHeifMetadata } from './heif-metadata.js';
import type { CleanedImage, ImageType } from './image-type.js';
import { removeJpegMetadata } from './jpeg.js';
import { removePngMetadata } from './png.js';
import { removeWebpMetadata } from './webp.js';

/**
 * Removes location, device, owner and times of an image, and bytes after its end. It overwrites the given bytes and
 * does not decode: no pixel changes; colour profile and orientation stay.
 * @throws RangeError when the structure of the image is broken
 */
export function removeMetadata(bytes: Buffer, contentType: ImageType): CleanedImage {
  switch (contentType) {
    case 'image/jpeg':
      return { bytes: removeJpegMetadata(bytes), keptParts: [] };
    case 'image/png':
      return { bytes: removePngMetadata(bytes), keptParts: [] };
    case 'image/webp':
      return { bytes: removeWebpMetadata(bytes), keptParts: [] };
    case 'image/heic':
    case 'image/avif':
      return removeHeifMetadata(bytes);
  }
}
