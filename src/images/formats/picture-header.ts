import { heifHeader } from './heif-header.js';
import { jpegSize } from './jpeg-header.js';
import type { PictureHeader, PixelSize } from './picture-type.js';

/** So many first bytes tell the type of every picture. */
export const SIGNATURE_BYTES = 32;
/** So many tell the size of all but odd ones: cameras put a preview of up to 64 kB before it, and a colour profile. */
export const HEADER_BYTES = 262_144;

/**
 * What the first bytes of a file say it is; null for what is no picture of ours. Names and declared types are the
 * sender's own words and are not looked at.
 * Sources: ISO/IEC 10918-1, PNG 3 (W3C), RFC 9649 (WebP), ISO/IEC 23008-12 (HEIF).
 */
export function pictureHeader(bytes: Buffer): PictureHeader | null {
  if (bytes.length >= 3 && bytes.readUIntBE(0, 3) === 0xffd8ff)
    return { contentType: 'image/jpeg', size: jpegSize(bytes) };
  if (bytes.subarray(0, 8).equals(PNG_SIGNATURE)) return { contentType: 'image/png', size: pngSize(bytes) };
  if (tagAt(bytes, 0) === 'RIFF' && tagAt(bytes, 8) === 'WEBP')
    return { contentType: 'image/webp', size: webpSize(bytes) };
  return tagAt(bytes, 4) === 'ftyp' ? heifHeader(bytes) : null;
}

const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

function tagAt(bytes: Buffer, offset: number): string {
  return bytes.toString('latin1', offset, offset + 4);
}

function pngSize(bytes: Buffer): PixelSize | null {
  if (bytes.length < 24 || tagAt(bytes, 12) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

function webpSize(bytes: Buffer): PixelSize | null {
  if (bytes.length < 30) return null;
  switch (tagAt(bytes, 12)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    default:
      return null;
  }
}
