import type { ImageHeader, ImageType, PixelSize } from './image-type.js';

/** ISO/IEC 23008-12, B.4; AV1 Image File Format, 6. */
const BRANDS: Readonly<Record<string, ImageType>> = {
  avif: 'image/avif',
  avis: 'image/avif',
  heic: 'image/heic',
  heix: 'image/heic',
  heim: 'image/heic',
  heis: 'image/heic',
  hevc: 'image/heic',
  hevx: 'image/heic',
};
/** Brand and version, then 4 bytes each. */
const MAX_BRANDS = 32;

/** Boxes of the top level that are needed to show the image. Films and vendor boxes (a "motion photo") are blanked. */
const KEPT_BOXES = new Set(['ftyp', 'meta', 'mdat', 'free', 'skip', 'moov', 'moof']);
/** Items that are no image: Exif, and XMP, whose type is `mime`. */
const METADATA_ITEMS = new Set(['Exif', 'mime']);
const PADDING = 'free';

/** No image has more boxes on one level; a hostile file could contain millions of empty ones. */
const MAX_BOXES = 4_096;

/** A box of an ISO base media file (ISO/IEC 14496-12), by its offsets in the file. */
interface IsoBox {
  readonly type: string;
  readonly start: number;
  /** After the header of the box. */
  readonly content: number;
  readonly end: number;
}

/** @param bytes begin with an `ftyp` box @returns null for films and other uses of the same container */
export function heifHeader(bytes: Buffer): ImageHeader | null {
  const end = Math.min(bytes.length >= 4 ? bytes.readUInt32BE(0) : 0, bytes.length, 16 + 4 * MAX_BRANDS);
  const compatible = Array.from({ length: Math.max(0, Math.floor((end - 16) / 4)) }, (_, n) => 16 + 4 * n);
  const brands = [8, ...compatible].map((at) => bytes.toString('latin1', at, at + 4));
  const brand = brands.find((each) => Object.hasOwn(BRANDS, each));
  const contentType = brand === undefined ? undefined : BRANDS[brand];
  return contentType === undefined ? null : { contentType, size: largestImageSize(bytes) };
}

/** The largest of all spatial extents: tiles and previews are smaller than the image itself. */
function largestImageSize(bytes: Buffer): PixelSize | null {
  try {
    const extents = boxesAt(bytes, ['meta', 'iprp', 'ipco'])
      .filter(({ type, content, end }) => type === 'ispe' && end - content >= 12)
      .map(({ content }) => ({
        width: bytes.readUInt32BE(content + 4),
        height: bytes.readUInt32BE(content + 8),
      }));
    return extents.reduce<PixelSize | null>(
      (largest, each) =>
        largest && largest.width * largest.height >= each.width * each.height ? largest : each,
      null,
    );
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function boxesAt(bytes: Buffer, path: readonly string[]): IsoBox[] {
  let boxes = readBoxes(bytes, 0, bytes.length, true);
  for (const name of path) {
    const found = boxes.find(({ type }) => type === name);
    if (!found) return [];
    // `meta` is a full box: version and flags precede its content.
    boxes = readBoxes(bytes, found.content + (name === 'meta' ? 4 : 0), found.end, true);
  }
  return boxes;
}

/**
 * Keeps the orientation: HEIF readers take it from item properties (`irot`, `imir`) and ignore that of Exif.
 * @throws RangeError when the structure is broken
 */
export function removeHeifMetadata(bytes: Buffer): Buffer {
  for (const box of readBoxes(bytes, 0, bytes.length)) {
    if (box.type === 'meta') blankItems(bytes, box);
    else if (!KEPT_BOXES.has(box.type)) {
      bytes.fill(0, box.content, box.end);
      bytes.write(PADDING, box.start + 4, 'latin1');
    }
  }
  return bytes;
}

function blankItems(bytes: Buffer, meta: IsoBox): void {
  const boxes = readBoxes(bytes, meta.content + 4, meta.end);
  const find = (type: string): IsoBox | undefined => boxes.find((box) => box.type === type);
  const [infos, locations, data] = [find('iinf'), find('iloc'), find('idat')];
  if (!infos || !locations) return;
  const ids = metadataItemIds(bytes, infos);
  if (ids.size === 0) return;
  for (const { id, start, end, isInItemData } of itemExtents(bytes, locations)) {
    if (!ids.has(id)) continue;
    const base = isInItemData ? (data?.content ?? 0) : 0;
    bytes.fill(0, Math.min(base + start, bytes.length), Math.min(base + end, bytes.length));
  }
}

/** ISO/IEC 14496-12, 8.11.6. */
function metadataItemIds(bytes: Buffer, infos: IsoBox): Set<number> {
  const version = bytes.readUInt8(infos.content);
  const first = infos.content + 4 + (version === 0 ? 2 : 4);
  const ids = new Set<number>();
  for (const { type, content } of readBoxes(bytes, first, infos.end)) {
    const entryVersion = bytes.readUInt8(content);
    if (type !== 'infe' || entryVersion < 2) continue;
    const idBytes = entryVersion === 2 ? 2 : 4;
    const typeAt = content + 4 + idBytes + 2;
    if (METADATA_ITEMS.has(bytes.toString('latin1', typeAt, typeAt + 4)))
      ids.add(bytes.readUIntBE(content + 4, idBytes));
  }
  return ids;
}

interface ItemExtent {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  /** Offsets count from `idat` instead of from the beginning of the file. */
  readonly isInItemData: boolean;
}

/** ISO/IEC 14496-12, 8.11.3. */
function* itemExtents(bytes: Buffer, { content }: IsoBox): Generator<ItemExtent, void, undefined> {
  const version = bytes.readUInt8(content);
  const sizes = bytes.readUInt16BE(content + 4);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 0xf, (sizes >> 4) & 0xf];
  const indexBytes = version === 0 ? 0 : sizes & 0xf;
  let at = content + 6;
  const take = (count: number): number => {
    // Eight-byte numbers lose nothing as doubles: no image has 2^53 bytes.
    const value =
      count === 0 ? 0 : count <= 6 ? bytes.readUIntBE(at, count) : Number(bytes.readBigUInt64BE(at));
    at += count;
    return value;
  };
  const wideBytes = version < 2 ? 2 : 4;
  for (let items = take(wideBytes); items > 0; items -= 1) {
    const id = take(wideBytes);
    const method = version === 0 ? 0 : take(2) & 0xf;
    take(2);
    const base = take(baseBytes);
    for (let count = take(2); count > 0; count -= 1) {
      take(indexBytes);
      const start = base + take(offsetBytes);
      const length = take(lengthBytes);
      yield { id, start, end: length === 0 ? Infinity : start + length, isInItemData: method === 1 };
    }
  }
}

/**
 * Reads the boxes of one level, from `start` to `end`.
 * @param isTruncated only the first bytes of a file are given: a box that runs beyond them ends with them
 * @throws RangeError for malformed or incomplete boxes
 */
function readBoxes(bytes: Buffer, start: number, end: number, isTruncated = false): IsoBox[] {
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
