/** No image has more boxes on one level; a hostile file could contain millions of empty ones. */
const MAX_BOXES = 4_096;
/** A box type that every reader skips. */
const PADDING = 'free';

/** A box of an ISO base media file (ISO/IEC 14496-12), by its offsets in the file. */
export interface IsoBox {
  readonly type: string;
  readonly start: number;
  /** After the header of the box. */
  readonly content: number;
  readonly end: number;
}

/** Box types whose content begins with a version and flags, before the boxes in it. */
const FULL_BOXES = new Set(['meta', 'iref']);

/**
 * Reads the boxes of one level, from `start` to `end`.
 * @param isTruncated only the first bytes of a file are given: a box that runs beyond them ends with them
 * @throws RangeError for malformed or incomplete boxes
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
    if (sizeBytes < headBytes) throw new RangeError('box smaller than its header');
    if (at + sizeBytes > end && !isTruncated) throw new RangeError('box beyond the end of the file');
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

/** The boxes in a box that contains boxes only. @throws RangeError */
export function boxesIn(bytes: Buffer, { type, content, end }: IsoBox, isTruncated = false): IsoBox[] {
  return readBoxes(bytes, content + (FULL_BOXES.has(type) ? 4 : 0), end, isTruncated);
}

/** Overwrites a box with one of the same length that every reader skips. */
export function blankBox(bytes: Buffer, { start, content, end }: IsoBox): void {
  bytes.fill(0, content, end);
  bytes.write(PADDING, start + 4, 'latin1');
}
