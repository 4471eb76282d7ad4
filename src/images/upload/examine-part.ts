import { HEADER_BYTES, readImageHeader } from '../formats/image-header.js';
import type { ImageType, PixelSize } from '../formats/image-type.js';
import { statesTooManyPixels } from '../formats/pixel-limits.js';
import { removeMetadata } from '../formats/remove-metadata.js';

/** Why the bytes are not stored. */
export type PartFault = 'empty' | 'too-large' | 'not-an-image' | 'too-many-pixels';

export interface ExaminedPart {
  readonly contentType: ImageType;
  /** The bytes to store: without metadata in a JPEG; as received in other formats, which only the decoder examines. */
  readonly bytes: Buffer;
  /** null: not known before the decoder has read the image. */
  readonly size: PixelSize | null;
  /** A JPEG whose structure is broken: in most cases its end is missing. */
  readonly isDamaged: boolean;
}

export interface PartLimits {
  readonly maxBytes: number;
  readonly maxPixels: number;
  readonly isExifKept: boolean;
}

/**
 * Examines a small image without decoding it: its format, and of a JPEG its size and structure up to the end marker.
 * Overwrites the metadata of a JPEG in the given bytes, also of a damaged one up to the damage.
 */
export function examinePart(
  bytes: Buffer,
  { maxBytes, maxPixels, isExifKept }: PartLimits,
): ExaminedPart | PartFault {
  if (bytes.length === 0) return 'empty';
  if (bytes.length > maxBytes) return 'too-large';
  const header = readImageHeader(bytes.subarray(0, HEADER_BYTES));
  if (!header) return 'not-an-image';
  const { contentType, size } = header;
  if (contentType !== 'image/jpeg') return { contentType, bytes, size: null, isDamaged: false };
  if (size && (size.width * size.height > maxPixels || statesTooManyPixels(size, bytes.length)))
    return 'too-many-pixels';
  const cleaned = clean(isExifKept ? Buffer.from(bytes) : bytes);
  const hasPixels = size !== null && size.width * size.height > 0;
  if (!cleaned || !hasPixels) return { contentType, bytes, size: hasPixels ? size : null, isDamaged: true };
  return { contentType, bytes: isExifKept ? bytes : cleaned, size, isDamaged: false };
}

/** @returns null when the structure is broken */
function clean(bytes: Buffer): Buffer | null {
  try {
    return removeMetadata(bytes, 'image/jpeg').bytes;
  } catch (error) {
    // By name: under Jest the error comes from another realm.
    if ((error as Error).name === 'RangeError') return null;
    throw error;
  }
}
