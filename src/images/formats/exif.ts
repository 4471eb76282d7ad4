/** TIFF 6.0, 2; Exif 2.32, 4.6.4. */
const ORIENTATION = 0x0112;
const UPRIGHT = 1;
/** An empty block is one directory of one entry: TIFF allows none without an entry. */
const EMPTY = Buffer.from('4d4d002a00000008' + '0001' + '0112000300000001' + '00010000' + '00000000', 'hex');
const HEADER_BYTES = 8;
const ORIENTATION_AT = 18;

/**
 * Overwrites Exif data in place with a valid block that contains the orientation only. Location, device, owner, times
 * and the embedded preview are removed. The length stays the same, so nothing around it has to move.
 */
export function blankExif(tiff: Buffer): void {
  const orientation = exifOrientation(tiff);
  tiff.fill(0);
  EMPTY.copy(tiff, 0, 0, tiff.length < EMPTY.length ? HEADER_BYTES : EMPTY.length);
  if (tiff.length >= EMPTY.length) tiff.writeUInt16BE(orientation, ORIENTATION_AT);
}

/** 1 to 8; 1 (upright) when the data contain none. From 5 on, width and height are exchanged. */
export function exifOrientation(tiff: Buffer): number {
  if (tiff.length < EMPTY.length) return UPRIGHT;
  const isLittle = tiff.toString('latin1', 0, 2) === 'II';
  const u16 = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const first = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (first + 2 > tiff.length) return UPRIGHT;
  const entries = Math.min(u16(first), Math.floor((tiff.length - first - 2) / 12));
  for (let entry = 0; entry < entries; entry += 1) {
    const at = first + 2 + entry * 12;
    const value = u16(at) === ORIENTATION ? u16(at + 8) : 0;
    if (value >= 1 && value <= 8) return value;
  }
  return UPRIGHT;
}
