import { blankExif } from './exif.js';
import type { PixelSize } from './image-type.js';

const SOS = 0xda;
const EOI = 0xd9;
const COMMENT = 0xfe;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP2 = 0xe2;
const APP14 = 0xee;
const APP15 = 0xef;

/** APP2 segments are needed for the colours only when they begin with this. */
const ICC_PROFILE = 'ICC_PROFILE\0';
const EXIF = 'Exif\0\0';

/** Reads the first frame header among the segments; null when it lies beyond the given bytes. */
export function jpegSize(bytes: Buffer): PixelSize | null {
  let at = 2;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes.readUInt8(at + 1);
    if (isFrameHeader(marker))
      return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    // Fill bytes may precede a marker.
    at += marker === 0xff ? 1 : 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}

/** SOF0 to SOF15, except DHT, JPG and DAC, whose numbers lie in the same range. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/**
 * ISO/IEC 10918-1, B.1: segments, each with its length; entropy-coded data between them end at the next marker.
 * @throws RangeError when the structure is broken
 */
export function removeJpegMetadata(bytes: Buffer): Buffer {
  let at = 2;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at === -1 || at + 1 >= bytes.length) throw new RangeError('JPEG without an end marker');
    const marker = bytes.readUInt8(at + 1);
    if (marker === EOI) return bytes.subarray(0, at + 2);
    // Stuffed bytes, fill bytes and restart markers are part of the data.
    if (marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (marker === 0xff) at += 1;
    else at = blankSegment(bytes, at, marker);
  }
}

/** @returns where the next segment begins */
function blankSegment(bytes: Buffer, at: number, marker: number): number {
  const end = at + 2 + bytes.readUInt16BE(at + 2);
  if (end > bytes.length) throw new RangeError('JPEG segment beyond the end of the file');
  if (marker !== SOS) blank(bytes.subarray(at + 4, end), marker);
  return end;
}

function blank(content: Buffer, marker: number): void {
  if (marker !== COMMENT && (marker < APP0 || marker > APP15)) return;
  const startsWith = (text: string): boolean => content.toString('latin1', 0, text.length) === text;
  if (marker === APP0 || marker === APP14 || (marker === APP2 && startsWith(ICC_PROFILE))) return;
  if (marker === APP1 && startsWith(EXIF)) blankExif(content.subarray(EXIF.length));
  else content.fill(0);
}
