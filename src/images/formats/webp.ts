import { blankExif } from './exif.js';
import type { PixelSize } from './image-type.js';

const FIRST_CHUNK = 12;
/** The chunks of a WebP that are needed to show it: RFC 9649, 2.7. */
const KEPT_CHUNKS = new Set(['VP8 ', 'VP8L', 'VP8X', 'ANIM', 'ANMF', 'ALPH', 'ICCP']);
/** A chunk type that every reader skips. */
const PADDING = 'JUNK';
const XMP_FLAG = 0x04;
const FLAGS = 20;
/** Place, size and duration of a frame of an animation; chunks follow. */
const FRAME_HEADER_BYTES = 16;

/** From the first chunk, by its kind; null when it lies beyond the given bytes. */
export function webpSize(bytes: Buffer): PixelSize | null {
  if (bytes.length < 30) return null;
  switch (bytes.toString('latin1', FIRST_CHUNK, FIRST_CHUNK + 4)) {
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

/** @throws RangeError when the structure is broken */
export function removeWebpMetadata(bytes: Buffer): Buffer {
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) throw new RangeError('WebP shorter than its header states');
  blankChunks(bytes, FIRST_CHUNK, end);
  if (bytes.toString('latin1', FIRST_CHUNK, FIRST_CHUNK + 4) === 'VP8X')
    bytes.writeUInt8(bytes.readUInt8(FLAGS) & ~XMP_FLAG, FLAGS);
  return bytes.subarray(0, end);
}

function blankChunks(bytes: Buffer, start: number, end: number, isFrame = false): void {
  for (let at = start; at + 8 <= end;) {
    const sizeBytes = bytes.readUInt32LE(at + 4);
    const contentEnd = at + 8 + sizeBytes;
    if (contentEnd > end) throw new RangeError('WebP chunk beyond the end of the file');
    const type = bytes.toString('latin1', at, at + 4);
    if (type === 'EXIF' && !isFrame) blankExif(withoutPrefix(bytes.subarray(at + 8, contentEnd)));
    else if (type === 'ANMF' && !isFrame) blankChunks(bytes, at + 8 + FRAME_HEADER_BYTES, contentEnd, true);
    else if (!KEPT_CHUNKS.has(type)) {
      bytes.fill(0, at + 8, contentEnd);
      bytes.write(PADDING, at, 'latin1');
    }
    at = contentEnd + (sizeBytes % 2);
  }
}

/** Some writers put JPEG's six bytes `Exif\0\0` before the Exif data. */
function withoutPrefix(content: Buffer): Buffer {
  return content.toString('latin1', 0, 4) === 'Exif' ? content.subarray(6) : content;
}
