import { type IsoBox, readBoxes } from './heif-boxes.js';

/** What a picture needs on the top level; films and makers' own boxes (a "motion photo" is one) are blanked whole. */
const KEPT_BOXES = new Set(['ftyp', 'meta', 'mdat', 'free', 'skip', 'moov', 'moof']);
/** Items that are no image: Exif, and XMP, which is of type `mime`. */
const METADATA_ITEMS = new Set(['Exif', 'mime']);
const PADDING = 'free';

/** How a picture is turned stands in the properties of its item (`irot`, `imir`); Exif's word on it counts nothing. */
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
  for (const { id, start, end, isInItemData } of extents(bytes, locations)) {
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

interface Extent {
  readonly id: number;
  readonly start: number;
  readonly end: number;
  /** Counted from `idat`, not from the file's beginning. */
  readonly isInItemData: boolean;
}

/** ISO/IEC 14496-12, 8.11.3. */
function* extents(bytes: Buffer, { content }: IsoBox): Generator<Extent, void, undefined> {
  const version = bytes.readUInt8(content);
  const sizes = bytes.readUInt16BE(content + 4);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 0xf, (sizes >> 4) & 0xf];
  const indexBytes = version === 0 ? 0 : sizes & 0xf;
  let at = content + 6;
  const take = (count: number): number => {
    // Eight bytes where the top two hold nothing: a picture beyond 2^48 bytes is none.
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
      const lengthOf = take(lengthBytes);
      yield { id, start, end: lengthOf === 0 ? Infinity : start + lengthOf, isInItemData: method === 1 };
    }
  }
}
