import { blankExif } from './exif.js';

const SOS = 0xda;
const EOI = 0xd9;
const COMMENT = 0xfe;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP2 = 0xe2;
const APP14 = 0xee;
const APP15 = 0xef;

/** What is needed to show the picture right; of APP2 only the colour profile. */
const ICC_PROFILE = 'ICC_PROFILE\0';
const EXIF = 'Exif\0\0';

/** ISO/IEC 10918-1, B.1: segments, each with its length, and between them entropy-coded data up to the next marker. */
export function removeJpegMetadata(bytes: Buffer): Buffer {
  let at = 2;
  for (;;) {
    at = bytes.indexOf(0xff, at);
    if (at === -1 || at + 1 >= bytes.length) throw new RangeError('a JPEG without end');
    const marker = bytes.readUInt8(at + 1);
    if (marker === EOI) return bytes.subarray(0, at + 2);
    // Stuffed bytes, fill bytes and restart markers are part of the data.
    if (marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (marker === 0xff) at += 1;
    else at = afterSegment(bytes, at, marker);
  }
}

function afterSegment(bytes: Buffer, at: number, marker: number): number {
  const end = at + 2 + bytes.readUInt16BE(at + 2);
  if (end > bytes.length) throw new RangeError('a segment beyond the end');
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
