import { readPrimaryItemId, readProperties } from './heif-items.js';
import type { ImageHeader, ImageType, PixelSize } from './image-type.js';
import { boxesIn, type IsoBox, readBoxes } from './iso-boxes.js';

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

/** @param bytes begin with an `ftyp` box @returns null for films and other uses of the same container */
export function heifHeader(bytes: Buffer): ImageHeader | null {
  const end = Math.min(bytes.length >= 4 ? bytes.readUInt32BE(0) : 0, bytes.length, 16 + 4 * MAX_BRANDS);
  const compatible = Array.from({ length: Math.max(0, Math.floor((end - 16) / 4)) }, (_, n) => 16 + 4 * n);
  const brands = [8, ...compatible].map((at) => bytes.toString('latin1', at, at + 4));
  const brand = brands.find((each) => Object.hasOwn(BRANDS, each));
  const contentType = brand === undefined ? undefined : BRANDS[brand];
  return contentType === undefined ? null : { contentType, size: sizeOrNull(bytes) };
}

function sizeOrNull(bytes: Buffer): PixelSize | null {
  try {
    return heifSize(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * The size of the primary item as a viewer shows it: the spatial extent `ispe`, then `clap` and `irot` in the order of
 * the file. A file without a primary item is a sequence; its size is the largest of all extents.
 */
function heifSize(bytes: Buffer): PixelSize | null {
  const meta = readBoxes(bytes, 0, bytes.length, true).find(({ type }) => type === 'meta');
  const boxes = meta ? boxesIn(bytes, meta, true) : [];
  const find = (name: string): IsoBox | undefined => boxes.find(({ type }) => type === name);
  const [primary, properties] = [find('pitm'), find('iprp')];
  if (!properties) return null;
  const own = primary ? readProperties(bytes, properties, readPrimaryItemId(bytes, primary)) : [];
  const stored = largestExtent(bytes, own);
  if (stored) return own.reduce((size, property) => transform(bytes, size, property), stored);
  const container = boxesIn(bytes, properties, true).find(({ type }) => type === 'ipco');
  return container ? largestExtent(bytes, boxesIn(bytes, container, true)) : null;
}

function transform(bytes: Buffer, size: PixelSize, { type, content }: IsoBox): PixelSize {
  if (type === 'clap') return cleanAperture(bytes, content) ?? size;
  // In quarters of a turn.
  const isTurned = type === 'irot' && (bytes.readUInt8(content) & 1) !== 0;
  return isTurned ? { width: size.height, height: size.width } : size;
}

/** Width and height, each as numerator and denominator: ISO/IEC 14496-12, 12.1.4. */
function cleanAperture(bytes: Buffer, at: number): PixelSize | null {
  const width = Math.round(bytes.readUInt32BE(at) / bytes.readUInt32BE(at + 4));
  const height = Math.round(bytes.readUInt32BE(at + 8) / bytes.readUInt32BE(at + 12));
  return Number.isFinite(width * height) && width * height > 0 ? { width, height } : null;
}

function largestExtent(bytes: Buffer, properties: readonly IsoBox[]): PixelSize | null {
  return properties
    .filter(({ type, content, end }) => type === 'ispe' && end - content >= 12)
    .map(({ content }) => ({
      width: bytes.readUInt32BE(content + 4),
      height: bytes.readUInt32BE(content + 8),
    }))
    .reduce<PixelSize | null>(
      (largest, each) =>
        largest && largest.width * largest.height >= each.width * each.height ? largest : each,
      null,
    );
}
