/** TIFF 6.0, 2; Exif 2.32, 4.6.4. */
const ORIENTATION = 0x0112;
const SHORT = 3;
/** Header, one entry, no next directory. */
const MIN_BYTES = 8 + 2 + 12 + 4;

/**
 * Overwrites Exif data in place with zeros and keeps only the orientation, if there was one. Location, device, owner,
 * times and the embedded preview are removed. The length stays the same, so nothing around it has to move.
 */
export function blankExif(tiff: Buffer): void {
  const orientation = orientationOf(tiff);
  tiff.fill(0);
  if (tiff.length < MIN_BYTES) return;
  tiff.write('MM\0*', 0, 'latin1');
  tiff.writeUInt32BE(8, 4);
  if (orientation === null) return;
  tiff.writeUInt16BE(1, 8);
  tiff.writeUInt16BE(ORIENTATION, 10);
  tiff.writeUInt16BE(SHORT, 12);
  tiff.writeUInt32BE(1, 14);
  tiff.writeUInt16BE(orientation, 18);
}

/** 1 to 8; null when the data contain none. */
function orientationOf(tiff: Buffer): number | null {
  if (tiff.length < MIN_BYTES) return null;
  const isLittle = tiff.toString('latin1', 0, 2) === 'II';
  const u16 = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const first = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (first + 2 > tiff.length) return null;
  const entries = Math.min(u16(first), Math.floor((tiff.length - first - 2) / 12));
  for (let entry = 0; entry < entries; entry += 1) {
    const at = first + 2 + entry * 12;
    const value = u16(at) === ORIENTATION ? u16(at + 8) : 0;
    if (value >= 1 && value <= 8) return value;
  }
  return null;
}
