import { crc32 } from 'node:zlib';
import { blankExif } from './exif.js';
import type { PixelSize } from './image-type.js';

export const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');

/** Ancillary chunks that are needed to show the image. All others (text, time, private data) are removed. */
const KEPT_CHUNKS = new Set([
  'cHRM',
  'cICP',
  'gAMA',
  'iCCP',
  'mDCV',
  'cLLI',
  'sBIT',
  'sRGB',
  'bKGD',
  'hIST',
  'tRNS',
  'pHYs',
  'sPLT',
  'acTL',
  'fcTL',
  'fdAT',
]);
/** A private chunk type that every reader skips: ancillary, private, safe to copy (PNG 3, 5.4). */
const PADDING = 'paDd';
const FIRST_CHUNK = 8;
const LENGTH_TYPE_CRC = 12;

/** From the IHDR chunk; null when it lies beyond the given bytes. */
export function pngSize(bytes: Buffer): PixelSize | null {
  if (bytes.length < 24 || bytes.toString('latin1', 12, 16) !== 'IHDR') return null;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** @throws RangeError when the structure is broken */
export function removePngMetadata(bytes: Buffer): Buffer {
  for (let at = FIRST_CHUNK; ;) {
    const end = at + LENGTH_TYPE_CRC + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new RangeError('PNG chunk beyond the end of the file');
    const type = bytes.toString('latin1', at + 4, at + 8);
    if (type === 'IEND') return bytes.subarray(0, end);
    const isAncillary = (bytes.readUInt8(at + 4) & 0x20) !== 0;
    if (isAncillary && !KEPT_CHUNKS.has(type)) blank(bytes, at, end, type);
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
