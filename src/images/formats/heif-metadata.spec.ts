import { describe, expect, it } from '@jest/globals';
import { removeHeifMetadata } from './heif-metadata.js';
import { readImageHeader } from './image-header.js';

const u16 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((each) => Buffer.from([each >> 8, each & 0xff])));
const u32 = (...values: number[]): Buffer =>
  Buffer.concat(values.map((each) => u16(each >>> 16, each & 0xffff)));
const text = (value: string): Buffer => Buffer.from(value, 'latin1');
const box = (type: string, ...content: Buffer[]): Buffer => {
  const joined = Buffer.concat(content);
  return Buffer.concat([u32(8 + joined.length), text(type), joined]);
};
const FULL = u32(0);

interface Item {
  readonly type: string;
  /** After the type: the name and, for `mime`, content type and encoding. */
  readonly texts?: string;
  readonly content: Buffer;
  /** Place of the content, when it is not its own. */
  readonly sharedWith?: number;
}

interface Heif {
  readonly items: readonly Item[];
  readonly properties?: readonly Buffer[];
  readonly inMeta?: readonly Buffer[];
  readonly atEnd?: readonly Buffer[];
}

/** A HEIC whose first item is the primary one and has all properties. The data of the items lie in `mdat`. */
function heif({ items, properties = [ispe(64, 48)], inMeta = [], atEnd = [] }: Heif): Buffer {
  const ftyp = box('ftyp', text('heic\0\0\0\0mif1heic'));
  const metaAt = (mdatAt: number): Buffer => {
    const offsets = items.map(
      (_, n) => mdatAt + 8 + items.slice(0, n).reduce((sum, { content }) => sum + content.length, 0),
    );
    const locations = items.map(({ content, sharedWith }, n) =>
      Buffer.concat([u16(n + 1, 0, 1), u32(offsets[sharedWith ?? n] ?? 0, content.length)]),
    );
    return box(
      'meta',
      FULL,
      box('hdlr', FULL, text('\0\0\0\0pict'), Buffer.alloc(13)),
      box('pitm', FULL, u16(1)),
      box('iloc', FULL, u16(0x4400, items.length), ...locations),
      box(
        'iinf',
        FULL,
        u16(items.length),
        ...items.map(({ type, texts = '\0' }, n) =>
          box('infe', u32(0x02000000), u16(n + 1, 0), text(type), text(texts)),
        ),
      ),
      box(
        'iprp',
        box('ipco', ...properties),
        box(
          'ipma',
          FULL,
          u32(1),
          u16(1),
          Buffer.from([properties.length, ...properties.map((_, n) => n + 1)]),
        ),
      ),
      ...inMeta,
    );
  };
  const meta = metaAt(ftyp.length + metaAt(0).length);
  return Buffer.concat([ftyp, meta, box('mdat', ...items.map(({ content }) => content)), ...atEnd]);
}

const ispe = (width: number, height: number): Buffer => box('ispe', FULL, u32(width, height));
const irot = (quarters: number): Buffer => box('irot', Buffer.from([quarters]));
const clap = (...numbers: number[]): Buffer => box('clap', u32(...numbers, 0, 1, 0, 1));
const PIXELS: Item = { type: 'hvc1', content: Buffer.alloc(500, 7) };
const SECRET = text('Secret'.repeat(20));
const TIFF = Buffer.concat([text('II*\0'), Buffer.from([8, 0, 0, 0, 0, 0]), SECRET]);
const exif = (prefix: string, tiff = TIFF): Item => ({
  type: 'Exif',
  content: Buffer.concat([u32(prefix.length), text(prefix), tiff]),
});
const XMP: Item = {
  type: 'mime',
  texts: '\0application/rdf+xml\0\0',
  content: Buffer.concat([text('<x:xmpmeta xmlns:x="adobe:ns:meta/">'), SECRET, text('</x:xmpmeta>')]),
};

const clean = (bytes: Buffer): { bytes: Buffer; keptParts: readonly string[] } =>
  removeHeifMetadata(Buffer.from(bytes));
/** The content of an item of the file made by `heif`, which keeps its length. */
function contentOf(bytes: Buffer, items: readonly Item[], index: number): Buffer {
  const start =
    bytes.indexOf('mdat') + 4 + items.slice(0, index).reduce((n, { content }) => n + content.length, 0);
  return bytes.subarray(start, start + (items[index]?.content.length ?? 0));
}

describe('removeHeifMetadata', () => {
  it.each([
    ['nothing', ''],
    ["JPEG's prefix", 'Exif\0\0'],
    ['four bytes and the prefix', '\0\0\0\0Exif\0\0'],
  ])('leaves a valid Exif item after %s', (_name, prefix) => {
    const items = [PIXELS, exif(prefix)];
    const { bytes, keptParts } = clean(heif({ items }));
    const content = contentOf(bytes, items, 1);
    expect([bytes.includes('Secret'), keptParts]).toEqual([false, []]);
    // Decoders compare the stated place with the first TIFF header in the item.
    expect(content.readUInt32BE(0)).toBe(prefix.length);
    expect(content.indexOf('MM\0*') - 4).toBe(prefix.length);
    expect(content.toString('latin1', 4, 4 + prefix.length)).toBe(prefix);
    expect(contentOf(bytes, items, 0).equals(PIXELS.content)).toBe(true);
    expect(clean(bytes).bytes.equals(bytes)).toBe(true);
  });

  it('mends an Exif item that states a place beyond its end', () => {
    const items = [PIXELS, { type: 'Exif', content: Buffer.concat([u32(5_000), TIFF]) }];
    const content = contentOf(clean(heif({ items })).bytes, items, 1);
    expect(content.toString('latin1', 0, 8)).toBe('\0\0\0\0MM\0*');
  });

  it('leaves XMP that a parser accepts, and zeros where a text is compressed', () => {
    const compressed: Item = { type: 'mime', texts: '\0application/rdf+xml\0deflate\0', content: SECRET };
    const items = [PIXELS, XMP, compressed];
    const { bytes } = clean(heif({ items }));
    expect(contentOf(bytes, items, 1).toString('latin1').trimEnd()).toBe(
      '<x:xmpmeta xmlns:x="adobe:ns:meta/"/>',
    );
    expect(contentOf(bytes, items, 2).equals(Buffer.alloc(SECRET.length))).toBe(true);
  });

  it('keeps an item that shares bytes with the image, and names it', () => {
    const items = [PIXELS, { ...XMP, sharedWith: 0, content: SECRET }];
    const original = heif({ items });
    expect(clean(original)).toEqual({ bytes: original, keptParts: ['item mime'] });
  });

  it('keeps an image that is coded as a JPEG file', () => {
    const items = [PIXELS, { type: 'mime', texts: '\0image/jpeg\0\0', content: SECRET }];
    const original = heif({ items });
    expect(clean(original).bytes.equals(original)).toBe(true);
  });

  it('blanks boxes and texts that show nothing: user data of a sequence, vendor boxes, padding, descriptions', () => {
    const times = Buffer.alloc(16, 0x5a);
    const movie = box(
      'moov',
      box('mvhd', FULL, times),
      box('udta', box('\xa9xyz', SECRET)),
      box('meta', FULL, SECRET),
      box('trak', box('tkhd', FULL, times), box('udta', SECRET), box('mdia', box('mdhd', FULL, times))),
    );
    const original = heif({
      items: [PIXELS],
      properties: [ispe(64, 48), box('udes', FULL, SECRET)],
      inMeta: [box('uuid', SECRET), box('xml ', FULL, SECRET)],
      atEnd: [movie, box('free', SECRET), box('mpvd', SECRET)],
    });
    const { bytes, keptParts } = clean(original);
    expect([bytes.length, bytes.includes('Secret'), keptParts]).toEqual([original.length, false, []]);
    // Four and four bytes of each time box.
    expect(bytes.filter((byte) => byte === 0x5a)).toHaveLength(3 * 8);
    expect(readImageHeader(bytes)).toEqual(readImageHeader(original));
  });

  it('refuses a file that states more parts than an image has', () => {
    const many = Buffer.concat([u16(0x0000, 2), ...[1, 2].map((id) => u16(id, 0, 0xffff))]);
    const iloc = box('iloc', FULL, many);
    const iinf = box('iinf', FULL, u16(0));
    const bytes = Buffer.concat([box('ftyp', text('heic\0\0\0\0')), box('meta', FULL, iloc, iinf)]);
    expect(() => clean(bytes)).toThrow('too many extents');
  });
});

describe('the size of a HEIF', () => {
  it.each([
    ['its extent', [ispe(4_032, 3_024)], [4_032, 3_024]],
    ['turned by 90 degrees', [ispe(4_032, 3_024), irot(1)], [3_024, 4_032]],
    ['turned by 180 degrees', [ispe(4_032, 3_024), irot(2)], [4_032, 3_024]],
    ['turned, with the extent last', [irot(3), ispe(4_032, 3_024)], [3_024, 4_032]],
    ['mirrored', [ispe(4_032, 3_024), box('imir', Buffer.from([1]))], [4_032, 3_024]],
    ['cropped, then turned', [ispe(64, 100), clap(29, 1, 200, 2), irot(1)], [100, 29]],
    ['cropped to nothing', [ispe(64, 100), clap(29, 0, 100, 1)], [64, 100]],
  ])('is %s', (_name, properties, [width, height]) => {
    expect(readImageHeader(heif({ items: [PIXELS], properties }))?.size).toEqual({ width, height });
  });

  it('is that of the primary item: a larger one is not shown', () => {
    const bytes = heif({ items: [PIXELS], properties: [ispe(16, 16), ispe(64, 64)] });
    // The association with the second extent is dropped.
    const associations = bytes.indexOf('ipma') + 4 + 4 + 4 + 2;
    bytes.writeUInt8(1, associations);
    expect(readImageHeader(bytes)?.size).toEqual({ width: 16, height: 16 });
  });
});
