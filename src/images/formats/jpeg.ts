import { blankExif, exifOrientation } from './exif.js';
import type { PixelSize } from './image-type.js';

const SOS = 0xda;
const EOI = 0xd9;
const COMMENT = 0xfe;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP2 = 0xe2;
const APP14 = 0xee;
const APP15 = 0xef;
/** Photos have under 300 segments. Reading more costs time without need. */
const MAX_SEGMENTS = 4_096;
/** From this Exif orientation on, width and height are exchanged. */
const FIRST_TURNED = 5;

/** APP2 segments are needed for the colours only when they begin with this. */
const ICC_PROFILE = 'ICC_PROFILE\0';
const EXIF = 'Exif\0\0';
/** JFIF 1.02: identifier, version, unit and density, the size of the thumbnail, then the thumbnail. */
const JFIF = 'JFIF\0';
const JFIF_DENSITY_BYTES = 12;
/** Version, flags and the colour transform that a decoder needs. */
const ADOBE = 'Adobe';
const ADOBE_BYTES = 12;

/**
 * Reads the first frame header among the segments, and the Exif orientation before it. null when the frame header lies
 * beyond the given bytes.
 */
export function jpegSize(bytes: Buffer): PixelSize | null {
  let at = 2;
  let orientation = 1;
  while (at + 9 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes.readUInt8(at + 1);
    if (marker === 0xff) {
      // Fill bytes may precede a marker.
      at += 1;
      continue;
    }
    if (isFrameHeader(marker)) {
      const [height, width] = [bytes.readUInt16BE(at + 5), bytes.readUInt16BE(at + 7)];
      return orientation >= FIRST_TURNED ? { width: height, height: width } : { width, height };
    }
    const end = at + 2 + bytes.readUInt16BE(at + 2);
    const content = bytes.subarray(at + 4, end);
    if (marker === APP1 && startsWith(content, EXIF))
      orientation = exifOrientation(content.subarray(EXIF.length));
    at = end;
  }
  return null;
}

/** SOF0 to SOF15, except DHT, JPG and DAC, whose numbers lie in the same range. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
}

/**
 * ISO/IEC 10918-1, B.1: segments, each with its length; entropy-coded data after a scan header end at the next marker.
 * @throws RangeError when the structure is broken
 */
export function removeJpegMetadata(bytes: Buffer): Buffer {
  const { length } = bytes;
  let at = 2;
  let isInScan = false;
  let hasScan = false;
  for (let segments = 0; segments < MAX_SEGMENTS;) {
    const from = at;
    while (at < length && bytes[at] !== 0xff) at += 1;
    if (at + 1 >= length) throw new RangeError('JPEG without an end marker');
    // Decoders skip bytes between two segments.
    if (!isInScan && from < at) bytes.fill(0, from, at);
    const marker = bytes[at + 1] as number;
    if (marker === EOI) {
      if (!hasScan) throw new RangeError('JPEG without a scan');
      return bytes.subarray(0, at + 2);
    }
    // Stuffed bytes, fill bytes and restart markers are part of the data.
    if (marker === 0x00 || (marker >= 0xd0 && marker <= 0xd7)) at += 2;
    else if (marker === 0xff) at += 1;
    else {
      segments += 1;
      isInScan = marker === SOS;
      hasScan ||= isInScan;
      at = blankSegment(bytes, at, marker);
    }
  }
  throw new RangeError(`JPEG of more than ${MAX_SEGMENTS} segments`);
}

/** @returns where the next segment begins */
function blankSegment(bytes: Buffer, at: number, marker: number): number {
  const end = at + 2 + bytes.readUInt16BE(at + 2);
  if (end > bytes.length) throw new RangeError('JPEG segment beyond the end of the file');
  if (marker === COMMENT || (marker >= APP0 && marker <= APP15)) blank(bytes.subarray(at + 4, end), marker);
  return end;
}

/** What decoders need stays: density, colour profile, colour transform and orientation. */
function blank(content: Buffer, marker: number): void {
  if (marker === APP0 && startsWith(content, JFIF)) content.fill(0, JFIF_DENSITY_BYTES);
  else if (marker === APP14 && startsWith(content, ADOBE)) content.fill(0, ADOBE_BYTES);
  else if (marker === APP1 && startsWith(content, EXIF)) blankExif(content.subarray(EXIF.length));
  else if (marker !== APP2 || !startsWith(content, ICC_PROFILE)) content.fill(0);
}

function startsWith(content: Buffer, text: string): boolean {
  return content.toString('latin1', 0, text.length) === text;
}
