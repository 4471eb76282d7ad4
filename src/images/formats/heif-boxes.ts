/** A box of an ISO base media file (ISO/IEC 14496-12): where it and its content lie. */
export interface IsoBox {
  readonly type: string;
  readonly start: number;
  /** After the box's own header. */
  readonly content: number;
  readonly end: number;
}

/** No picture has more on one level; a hostile one would be millions of empty boxes. */
const MAX_BOXES = 4_096;

/**
 * The boxes side by side between two places.
 * @param isTruncated only the first bytes of a file are given: a box may run beyond them, and ends with them then
 * @throws RangeError for what are no boxes, or not whole
 */
export function readBoxes(bytes: Buffer, start: number, end: number, isTruncated = false): IsoBox[] {
  const boxes: IsoBox[] = [];
  let at = start;
  while (at + 8 <= end) {
    if (boxes.length >= MAX_BOXES) throw new RangeError('too many boxes');
    const short = bytes.readUInt32BE(at);
    const isLong = short === 1;
    const sizeBytes = isLong ? Number(bytes.readBigUInt64BE(at + 8)) : short === 0 ? end - at : short;
    const headBytes = isLong ? 16 : 8;
    if (sizeBytes < headBytes) throw new RangeError('a box smaller than its head');
    if (at + sizeBytes > end && !isTruncated) throw new RangeError('a box beyond the end');
    const boxEnd = Math.min(at + sizeBytes, end);
    boxes.push({
      type: bytes.toString('latin1', at + 4, at + 8),
      start: at,
      content: at + headBytes,
      end: boxEnd,
    });
    at = boxEnd;
  }
  return boxes;
}
