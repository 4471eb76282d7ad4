import { blankExif } from './exif.js';
import { type Extent, type HeifItem, type ItemLocation, readItems, readLocations } from './heif-items.js';
import type { CleanedImage } from './image-type.js';
import { blankBox, boxesIn, type IsoBox, readBoxes } from './iso-boxes.js';

/** Boxes that are needed to show the image. Films, vendor boxes (a "motion photo") and padding are blanked. */
const KEPT_BOXES = new Set(['ftyp', 'meta', 'mdat', 'imda', 'moov', 'moof', 'mini']);
const KEPT_META_BOXES = new Set('hdlr dinf pitm iloc iinf iref iprp idat grpl ipro'.split(' '));
/** In the boxes of a sequence: place, device and times of the recording. */
const BLANKED_MOVIE_BOXES = new Set(['udta', 'meta', 'uuid', 'free', 'skip']);
const MOVIE_CONTAINERS = new Set(['moov', 'moof', 'trak', 'mdia', 'traf']);
const MAX_MOVIE_DEPTH = 4;
/** They begin with version, flags and the times of creation and change. */
const TIMED_BOXES = new Set(['mvhd', 'tkhd', 'mdhd']);
/** Item properties with texts and times: ISO/IEC 23008-12, 6.5. */
const TEXT_PROPERTIES = new Set(['udes', 'altt', 'crtt', 'mdft']);
/** Each is compared with every part of the image. */
const MAX_METADATA_EXTENTS = 1_024;

const EMPTY_XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>';
const JPEG_PREFIX = 'Exif\0\0';

interface MetadataItem {
  readonly item: HeifItem;
  readonly location: ItemLocation;
}

/** What a file contains. Everything is read before the first byte is written. */
interface Survey {
  readonly blanked: IsoBox[];
  readonly timed: IsoBox[];
  readonly texts: IsoBox[];
  readonly items: MetadataItem[];
  /** The bytes that the pixels are decoded from. */
  readonly image: Extent[];
  readonly keptParts: string[];
}

/**
 * Keeps the orientation: HEIF readers take it from item properties (`irot`, `imir`) and ignore that of Exif. A metadata
 * item stays a valid one, because decoders refuse a whole AVIF for an Exif item of zeros. Metadata that may share a byte
 * with the image stay as they are and are named in `keptParts`.
 * @throws RangeError when the structure is broken
 */
export function removeHeifMetadata(bytes: Buffer): CleanedImage {
  const { blanked, timed, texts, items, image, keptParts } = survey(bytes);
  const isShared = (part: Extent): boolean =>
    image.some(({ start, end }) => start < part.end && part.start < end);
  for (const box of blanked) {
    if (isShared(box)) keptParts.push(`box ${box.type}`);
    else blankBox(bytes, box);
  }
  for (const { item, location } of items) {
    if (!location.isDirect || location.extents.some(isShared)) keptParts.push(`item ${item.type}`);
    else rewrite(bytes, location.extents, (content) => blankItem(content, item));
  }
  for (const { content, end } of texts) bytes.fill(0, content + 4, end);
  for (const { content } of timed) {
    const timeBytes = bytes.readUInt8(content) === 0 ? 4 : 8;
    bytes.fill(0, content + 4, content + 4 + 2 * timeBytes);
  }
  return { bytes, keptParts };
}

function survey(bytes: Buffer): Survey {
  const found: Survey = { blanked: [], timed: [], texts: [], items: [], image: [], keptParts: [] };
  for (const box of readBoxes(bytes, 0, bytes.length)) {
    if (box.type === 'meta') surveyItems(bytes, box, found);
    else if (MOVIE_CONTAINERS.has(box.type)) surveyMovie(bytes, box, found, 0);
    else if (!KEPT_BOXES.has(box.type)) found.blanked.push(box);
    // The compact form of `meta` (ISO/IEC 23008-12, amendment 2): no part of it can be blanked in place.
    if (box.type === 'mini') found.keptParts.push('box mini');
  }
  const extentCount = found.items.reduce((sum, { location }) => sum + location.extents.length, 0);
  if (extentCount > MAX_METADATA_EXTENTS) throw new RangeError('too many metadata items');
  return found;
}

function surveyItems(bytes: Buffer, meta: IsoBox, found: Survey): void {
  const boxes = boxesIn(bytes, meta);
  const find = (name: string): IsoBox | undefined => boxes.find(({ type }) => type === name);
  found.blanked.push(...boxes.filter(({ type }) => !KEPT_META_BOXES.has(type)));
  const [infos, locations, properties] = [find('iinf'), find('iloc'), find('iprp')];
  for (const container of properties ? boxesIn(bytes, properties, true) : []) {
    if (container.type !== 'ipco') continue;
    found.texts.push(...boxesIn(bytes, container, true).filter(({ type }) => TEXT_PROPERTIES.has(type)));
  }
  if (!infos || !locations) return;
  const metadata = new Map(
    readItems(bytes, infos)
      .filter(isMetadata)
      .map((item) => [item.id, item]),
  );
  for (const location of readLocations(bytes, locations, find('idat'))) {
    const item = metadata.get(location.id);
    if (item) found.items.push({ item, location });
    else for (const extent of location.extents) found.image.push(extent);
  }
}

/** XMP and other texts have the type `mime`; so has an image that is coded as a JPEG file. */
function isMetadata({ type, contentType }: HeifItem): boolean {
  return type === 'Exif' || type === 'uri ' || (type === 'mime' && !contentType.startsWith('image/'));
}

function surveyMovie(bytes: Buffer, parent: IsoBox, found: Survey, depth: number): void {
  if (depth > MAX_MOVIE_DEPTH) throw new RangeError('boxes nested too deep');
  for (const box of boxesIn(bytes, parent, true)) {
    if (BLANKED_MOVIE_BOXES.has(box.type)) found.blanked.push(box);
    else if (TIMED_BOXES.has(box.type)) found.timed.push(box);
    else if (MOVIE_CONTAINERS.has(box.type)) surveyMovie(bytes, box, found, depth + 1);
    else if (box.type === 'hdlr' && bytes.toString('latin1', box.content + 8, box.content + 12) === 'meta')
      found.keptParts.push('metadata track');
  }
}

/** Changes data that may lie in several parts. */
function rewrite(bytes: Buffer, extents: readonly Extent[], change: (content: Buffer) => void): void {
  const parts = extents.map(({ start, end }) => bytes.subarray(start, end));
  const [only] = parts;
  if (only && parts.length === 1) return change(only);
  const sizeBytes = parts.reduce((sum, { length }) => sum + length, 0);
  if (sizeBytes > bytes.length) throw new RangeError('item larger than its file');
  const content = Buffer.concat(parts);
  change(content);
  let at = 0;
  for (const part of parts) {
    content.copy(part, 0, at, at + part.length);
    at += part.length;
  }
}

function blankItem(content: Buffer, { type, contentType, contentEncoding }: HeifItem): void {
  if (type === 'Exif') return blankExifItem(content);
  const isText = type === 'mime' && contentEncoding === '';
  content.fill(isText ? ' ' : 0);
  if (isText && contentType.endsWith('xml') && content.length >= EMPTY_XMP.length) content.write(EMPTY_XMP);
}

/** ISO/IEC 23008-12, A.2.1: the number of bytes between this number and the Exif data, then these bytes. */
function blankExifItem(content: Buffer): void {
  const stated = content.length < 4 ? 0 : content.readUInt32BE(0);
  const exifAt = 4 + stated + 8 <= content.length ? 4 + stated : 4;
  const skipped = content.subarray(4, exifAt);
  const hasPrefix = skipped.toString('latin1').endsWith(JPEG_PREFIX);
  skipped.fill(0, 0, skipped.length - (hasPrefix ? JPEG_PREFIX.length : 0));
  if (exifAt === 4) content.fill(0, 0, 4);
  blankExif(content.subarray(4 + skipped.length));
}
