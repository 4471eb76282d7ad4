import { type IsoBox, readBoxes } from './heif-boxes.js';
import type { PictureHeader, PictureType, PixelSize } from './picture-type.js';

/** ISO/IEC 23008-12, B.4; AV1 Image File Format, 6. */
const BRANDS: Readonly<Record<string, PictureType>> = {
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

/** Of a file that begins with `ftyp`; null for films and whatever else is kept in such boxes. */
export function heifHeader(bytes: Buffer): PictureHeader | null {
  const end = Math.min(bytes.length >= 4 ? bytes.readUInt32BE(0) : 0, bytes.length, 16 + 4 * MAX_BRANDS);
  const brands = [8, ...range(16, end)].map((at) => bytes.toString('latin1', at, at + 4));
  const brand = brands.find((each) => Object.hasOwn(BRANDS, each));
  const contentType = brand === undefined ? undefined : BRANDS[brand];
  return contentType === undefined ? null : { contentType, size: largestImage(bytes) };
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, Math.floor((end - start) / 4)) }, (_, index) => start + 4 * index);
}

/** Of all spatial extents: tiles and previews are smaller than the picture that they are of. */
function largestImage(bytes: Buffer): PixelSize | null {
  try {
    const extents = path(bytes, ['meta', 'iprp', 'ipco'])
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

function path(bytes: Buffer, names: readonly string[]): IsoBox[] {
  let boxes = readBoxes(bytes, 0, bytes.length, true);
  for (const name of names) {
    const found = boxes.find(({ type }) => type === name);
    if (!found) return [];
    // `meta` is a full box: version and flags stand before what it holds.
    boxes = readBoxes(bytes, found.content + (name === 'meta' ? 4 : 0), found.end, true);
  }
  return boxes;
}
