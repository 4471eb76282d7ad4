import { boxesIn, type IsoBox, readBoxes } from './iso-boxes.js';

/** The largest photo of a phone has 800 tiles; a hostile file could state millions of extents. */
const MAX_EXTENTS = 65_536;
const MAX_ASSOCIATIONS = 65_536;

export interface HeifItem {
  readonly id: number;
  readonly type: string;
  /** Of an item of type `mime`; empty for other items. */
  readonly contentType: string;
  /** Not empty: the content is compressed or encrypted. */
  readonly contentEncoding: string;
}

/** Reads the item information box `iinf`: ISO/IEC 14496-12, 8.11.6. @throws RangeError */
export function readItems(bytes: Buffer, infos: IsoBox): HeifItem[] {
  const first = infos.content + 4 + (bytes.readUInt8(infos.content) === 0 ? 2 : 4);
  return readBoxes(bytes, first, infos.end).flatMap(({ type: boxType, content, end }) => {
    const version = bytes.readUInt8(content);
    if (boxType !== 'infe' || version < 2) return [];
    const idBytes = version === 2 ? 2 : 4;
    const id = bytes.readUIntBE(content + 4, idBytes);
    const typeAt = content + 4 + idBytes + 2;
    const type = bytes.toString('latin1', typeAt, typeAt + 4);
    // The name precedes them; each ends with a zero byte.
    const texts = bytes.toString('latin1', Math.min(typeAt + 4, end), end).split('\0');
    const [contentType = '', contentEncoding = ''] = type === 'mime' ? texts.slice(1) : [];
    return [{ id, type, contentType: contentType.toLowerCase(), contentEncoding }];
  });
}

export interface Extent {
  readonly start: number;
  /** Not included; at most the length of the file. */
  readonly end: number;
}

export interface ItemLocation {
  readonly id: number;
  /** Offsets in the file. */
  readonly extents: readonly Extent[];
  /** False for the parts of another item and for data behind a data reference. */
  readonly isDirect: boolean;
}

/**
 * Reads the item location box `iloc`: ISO/IEC 14496-12, 8.11.3.
 * @param itemData the box `idat`, which holds the data of small items
 * @throws RangeError
 */
export function readLocations(bytes: Buffer, { content }: IsoBox, itemData?: IsoBox): ItemLocation[] {
  const version = bytes.readUInt8(content);
  const sizes = bytes.readUInt16BE(content + 4);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 0xf, (sizes >> 4) & 0xf];
  const indexBytes = version === 0 ? 0 : sizes & 0xf;
  const read = reader(bytes, content + 6);
  const wideBytes = version < 2 ? 2 : 4;
  const locations: ItemLocation[] = [];
  let extentCount = 0;
  for (let items = read(wideBytes); items > 0; items -= 1) {
    const id = read(wideBytes);
    const method = version === 0 ? 0 : read(2) & 0xf;
    const dataReference = read(2);
    const base = read(baseBytes) + (method === 1 ? (itemData?.content ?? 0) : 0);
    const extents: Extent[] = [];
    for (let count = read(2); count > 0; count -= 1) {
      if ((extentCount += 1) > MAX_EXTENTS) throw new RangeError('too many extents');
      read(indexBytes);
      const start = Math.min(base + read(offsetBytes), bytes.length);
      const lengthRead = read(lengthBytes);
      const end = lengthRead === 0 ? bytes.length : Math.min(start + lengthRead, bytes.length);
      extents.push({ start, end });
    }
    locations.push({ id, extents, isDirect: method <= 1 && dataReference === 0 });
  }
  return locations;
}

/** The id in the primary item box `pitm`: ISO/IEC 14496-12, 8.11.4. @throws RangeError */
export function readPrimaryItemId(bytes: Buffer, { content }: IsoBox): number {
  return bytes.readUIntBE(content + 4, bytes.readUInt8(content) === 0 ? 2 : 4);
}

/**
 * The properties of an item in the order in which a reader applies them: ISO/IEC 23008-12, 9.3.
 * @param properties the box `iprp`
 * @throws RangeError
 */
export function readProperties(bytes: Buffer, properties: IsoBox, itemId: number): IsoBox[] {
  const boxes = boxesIn(bytes, properties, true);
  const container = boxes.find(({ type }) => type === 'ipco');
  if (!container) return [];
  const all = boxesIn(bytes, container, true);
  const indices = boxes
    .filter(({ type }) => type === 'ipma')
    .flatMap((box) => associationsOf(bytes, box, itemId));
  // Indices count from 1.
  return indices.flatMap((index) => all[index - 1] ?? []);
}

function associationsOf(bytes: Buffer, { content }: IsoBox, itemId: number): number[] {
  const isWide = (bytes.readUInt8(content + 3) & 1) !== 0;
  const idBytes = bytes.readUInt8(content) === 0 ? 2 : 4;
  const read = reader(bytes, content + 4);
  const indices: number[] = [];
  let associationCount = 0;
  for (let items = read(4); items > 0; items -= 1) {
    const isAsked = read(idBytes) === itemId;
    for (let count = read(1); count > 0; count -= 1) {
      if ((associationCount += 1) > MAX_ASSOCIATIONS) throw new RangeError('too many properties');
      // The highest bit marks an essential property.
      const index = isWide ? read(2) & 0x7fff : read(1) & 0x7f;
      if (isAsked) indices.push(index);
    }
  }
  return indices;
}

/** @returns a function that reads the next number of so many bytes, 0 to 8 */
function reader(bytes: Buffer, start: number): (byteCount: number) => number {
  let at = start;
  return (byteCount) => {
    // Eight-byte numbers lose nothing as doubles: no image has 2^53 bytes.
    const value =
      byteCount === 0
        ? 0
        : byteCount <= 6
          ? bytes.readUIntBE(at, byteCount)
          : Number(bytes.readBigUInt64BE(at));
    at += byteCount;
    return value;
  };
}
