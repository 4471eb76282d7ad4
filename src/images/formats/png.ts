import { crc32 } from 'node:zlib';
import { blankExif } from './exif.js';
import type { PixelSize } from './image-type.js';

export const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

/**
 * Ancillary chunks that are needed to show the image, with the most bytes that each can need (PNG 3, 11.3). All others
 * (text, time, private data) are removed.
 */
const KEPT_CHUNKS: Readonly<Record<string, number>> = {
  cHRM: 32,
  cICP: 4,
  gAMA: 4,
  iCCP: Infinity,
  mDCV: 24,
  cLLI: 8,
  sBIT: 4,
  sRGB: 1,
  bKGD: 6,
  tRNS: 256,
  pHYs: 9,
  acTL: 8,
  fcTL: 26,
  fdAT: Infinity,
};
/** A private chunk type that every reader skips: ancillary, private, safe to copy (PNG 3, 5.4). */
const PADDING = 'paDd';
const FIRST_CHUNK = 8;
const LENGTH_TYPE_CRC = 12;
/** The last chunk has no content. */
const IEND = Buffer.from('0000000049454e44ae426082', 'hex');

/** From the IHDR chunk; null when it lies beyond the given bytes. */
export function pngSize(bytes: Buffer): PixelSize | null {
  if (bytes.length < 24 || bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** @throws RangeError when the structure is broken */
export function removePngMetadata(bytes: Buffer): Buffer {
  for (let at = FIRST_CHUNK; ;) {
    const sizeBytes = bytes.readUInt32BE(at);
    const end = at + LENGTH_TYPE_CRC + sizeBytes;
    if (end > bytes.length) throw new RangeError('PNG chunk beyond the end of the file');
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IEND') {
      IEND.copy(bytes, at);
      return bytes.subarray(0, at + IEND.length);
    }
    const isAncillary = (bytes.readUInt8(at + 4) & 0x20) !== 0;
    const keptBytes = Object.hasOwn(KEPT_CHUNKS, type) ? (KEPT_CHUNKS[type] ?? 0) : -1;
    if (isAncillary && sizeBytes > keptBytes) blank(bytes, at, end, type);
    at = end;
  }
}

function blank(bytes: Buffer, at: number, end: number, type: string): void {
  const content = bytes.subarray(at + 8, end - 4);
  if (type === 'eXIf') blankExif(content);
  else {
    content.fill(0);
    bytes.write(PADDING, at + 4, 'latin1');
  }
  bytes.writeUInt32BE(crc32(bytes.subarray(at + 4, end - 4)), end - 4);
}
