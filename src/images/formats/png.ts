import { crc32 } from 'node:zlib';
import { blankExif } from './exif.js';

/** Text, time, and what programs keep for themselves: everything ancillary that is not needed to show the picture. */
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
/** A chunk of ours that every reader passes over: ancillary, private, safe to copy (PNG 3, 5.4). */
const PADDING = 'paDd';
const FIRST_CHUNK = 8;
const LENGTH_TYPE_CRC = 12;

export function removePngMetadata(bytes: Buffer): Buffer {
  for (let at = FIRST_CHUNK; ;) {
    const end = at + LENGTH_TYPE_CRC + bytes.readUInt32BE(at);
    if (end > bytes.length) throw new RangeError('a chunk beyond the end');
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
