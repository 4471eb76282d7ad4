import { blankExif } from './exif.js';

const FIRST_CHUNK = 12;
/** RFC 9649, 2.7: what a WebP is made of. */
const KEPT_CHUNKS = new Set(['VP8 ', 'VP8L', 'VP8X', 'ANIM', 'ANMF', 'ALPH', 'ICCP']);
const PADDING = 'JUNK';
const XMP_FLAG = 0x04;
const FLAGS = 20;

export function removeWebpMetadata(bytes: Buffer): Buffer {
  const end = 8 + bytes.readUInt32LE(4);
  if (end > bytes.length) throw new RangeError('a WebP without end');
  for (let at = FIRST_CHUNK; at + 8 <= end;) {
    const sizeBytes = bytes.readUInt32LE(at + 4);
    const contentEnd = at + 8 + sizeBytes;
    if (contentEnd > end) throw new RangeError('a chunk beyond the end');
    const type = bytes.toString('latin1', at, at + 4);
    if (type === 'EXIF') blankExif(withoutPrefix(bytes.subarray(at + 8, contentEnd)));
    else if (!KEPT_CHUNKS.has(type)) {
      bytes.fill(0, at + 8, contentEnd);
      bytes.write(PADDING, at, 'latin1');
    }
    at = contentEnd + (sizeBytes % 2);
  }
  if (bytes.toString('latin1', FIRST_CHUNK, FIRST_CHUNK + 4) === 'VP8X')
    bytes.writeUInt8(bytes.readUInt8(FLAGS) & ~XMP_FLAG, FLAGS);
  return bytes.subarray(0, end);
}

/** Some write the six bytes before it that JPEG has there. */
function withoutPrefix(content: Buffer): Buffer {
  return content.toString('latin1', 0, 4) === 'Exif' ? content.subarray(6) : content;
}
