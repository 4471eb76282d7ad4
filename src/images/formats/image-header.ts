import { heifHeader } from './heif.js';
import type { ImageHeader } from './image-type.js';
import { jpegSize } from './jpeg.js';
import { PNG_SIGNATURE, pngSize } from './png.js';
import { webpSize } from './webp.js';

/** This many first bytes identify the type of every image. */
export const SIGNATURE_BYTES = 32;
/** This many first bytes contain the size of nearly every image: a camera's preview of up to 64 kB precedes it. */
export const HEADER_BYTES = 262_144;

/**
 * Reads type and size from the first bytes of a file. A file name or a declared type is never used.
 * Sources: ISO/IEC 10918-1 (JPEG), PNG 3 (W3C), RFC 9649 (WebP), ISO/IEC 23008-12 (HEIF).
 * @returns null for a file of any other format
 */
export function readImageHeader(bytes: Buffer): ImageHeader | null {
  if (bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xffd8ff)
    return { contentType: 'image/jpeg', size: jpegSize(bytes) };
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return { contentType: 'image/png', size: pngSize(bytes) };
  if (tagAt(bytes, 0) === 'RIFF' && tagAt(bytes, 8) === 'WEBP')
    return { contentType: 'image/webp', size: webpSize(bytes) };
  return tagAt(bytes, 4) === 'ftyp' ? heifHeader(bytes) : null;
}

function tagAt(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, offset + 4);
}
