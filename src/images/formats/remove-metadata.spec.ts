import { describe, expect, it } from '@jest/globals';
import { crc32 } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { readImageHeader } from './image-header.js';
import type { ImageType } from './image-type.js';
import { removeMetadata } from './remove-metadata.js';

const EXIF = {
  IFD0: { Make: 'SecretMaker', Model: 'SecretModel', Software: 'SecretSoftware' },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 8/1 14/1' },
};
const XMP =
  '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><a>SecretXmp</a></x:xmpmeta><?xpacket end="w"?>';

/** The pixels differ, so that a moved pixel is visible. */
function canvas(): Sharp {
  const pixels = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, index) => (index * 7) % 256));
  return sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } });
}

const withSecretsAndOrientation = (): Sharp =>
  canvas().withExif(EXIF).withXmp(XMP).withMetadata({ orientation: 6 });
const secret = (): Sharp => canvas().withExif(EXIF).withXmp(XMP).keepIccProfile();

const FORMATS: readonly (readonly [ImageType, () => Promise<Buffer>])[] = [
  ['image/jpeg', () => secret().jpeg().toBuffer()],
  ['image/png', () => secret().png().toBuffer()],
  ['image/webp', () => secret().webp().toBuffer()],
  ['image/avif', () => secret().avif({ effort: 0 }).toBuffer()],
];

describe('removeMetadata', () => {
  it.each(FORMATS)('removes location, device and XMP from %s and changes no pixel', async (type, make) => {
    const original = await make();
    expect(original.includes('SecretMaker')).toBe(true);
    expect((await sharp(original).metadata()).xmp?.includes('SecretXmp')).toBe(true);
    const cleaned = removeMetadata(Buffer.from(original), type).bytes;
    expect(cleaned.includes('Secret')).toBe(false);
    // PNG may contain it compressed.
    expect((await sharp(cleaned).metadata()).xmp?.includes('Secret') ?? false).toBe(false);
    const [before, after] = await Promise.all(
      [original, cleaned].map((each) => sharp(each).raw().toBuffer()),
    );
    expect(after?.equals(before ?? Buffer.alloc(0))).toBe(true);
    expect(readImageHeader(cleaned)?.contentType).toBe(type);
    // Readers refuse Exif data without a TIFF header; decoders refuse a whole AVIF because of it.
    const exif = (await sharp(cleaned).metadata()).exif;
    expect(exif?.includes('MM\0*\0\0\0\x08\0\x01\x01\x12', 0, 'latin1')).toBe(true);
    // A second run changes nothing: the same upload gives the same bytes.
    expect(removeMetadata(Buffer.from(cleaned), type).bytes.equals(cleaned)).toBe(true);
  });

  it('keeps the orientation', async () => {
    for (const [type, bytes] of [
      ['image/jpeg', await withSecretsAndOrientation().jpeg().toBuffer()],
      ['image/png', await withSecretsAndOrientation().png().toBuffer()],
      ['image/webp', await withSecretsAndOrientation().webp().toBuffer()],
    ] as const)
      expect([type, (await sharp(removeMetadata(bytes, type).bytes).metadata()).orientation]).toEqual([
        type,
        6,
      ]);
  });

  it.each(FORMATS)('ends with a RangeError or a result for %s that is cut anywhere', async (type, make) => {
    const original = await make();
    for (let length = 12; length < original.length; length += 1 + Math.floor(original.length / 150)) {
      const cut = Buffer.from(original.subarray(0, length));
      try {
        removeMetadata(cut, type);
      } catch (error) {
        // Compared by name: under Jest the error comes from another realm.
        expect((error as Error).name).toBe('RangeError');
      }
    }
  });

  it.each(FORMATS)('reads the size of %s from its first bytes', async (type, make) => {
    expect(readImageHeader(await make())).toEqual({ contentType: type, size: { width: 64, height: 48 } });
  });
});

describe('leftovers', () => {
  const SECRET = Buffer.from('Secret<script>alert(1)</script>');
  const segment = (marker: number, content: Buffer): Buffer => {
    const head = Buffer.from([0xff, marker, 0, 0]);
    head.writeUInt16BE(content.length + 2, 2);
    return Buffer.concat([head, content]);
  };
  const chunk = (type: string, content: Buffer): Buffer => {
    const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from(type, 'latin1'), content, Buffer.alloc(4)]);
    bytes.writeUInt32BE(content.length, 0);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), bytes.length - 4);
    return bytes;
  };
  const riff = (type: string, content: Buffer): Buffer => {
    const bytes = Buffer.concat([
      Buffer.from(`${type}\0\0\0\0`, 'latin1'),
      content,
      Buffer.alloc(content.length % 2),
    ]);
    bytes.writeUInt32LE(content.length, 4);
    return bytes;
  };
  const pixels = (bytes: Buffer): Promise<Buffer> => sharp(bytes, { failOn: 'error' }).raw().toBuffer();
  async function expectClean(original: Buffer, type: ImageType): Promise<void> {
    expect(original.includes('Secret')).toBe(true);
    const { bytes } = removeMetadata(Buffer.from(original), type);
    expect(bytes.includes('Secret')).toBe(false);
    expect((await pixels(bytes)).equals(await pixels(original))).toBe(true);
  }

  it.each([
    [
      'a thumbnail in JFIF',
      segment(0xe0, Buffer.concat([Buffer.from('JFIF\0\x01\x02\0\0\x01\0\x01\x03\x03'), SECRET])),
    ],
    ['a thumbnail in JFXX', segment(0xe0, Buffer.concat([Buffer.from('JFXX\0\x10'), SECRET]))],
    ['CIFF', segment(0xe0, Buffer.concat([Buffer.from('II\x1a\0\0\0HEAPJPGM'), SECRET]))],
    ['a page in APP0', segment(0xe0, SECRET)],
    ['a page in APP14', segment(0xee, SECRET)],
    ['a comment', segment(0xfe, SECRET)],
    ['bytes between segments', SECRET],
  ])('of a JPEG: %s', async (_name, leftover) => {
    const image = await canvas().jpeg().toBuffer();
    await expectClean(Buffer.concat([image.subarray(0, 2), leftover, image.subarray(2)]), 'image/jpeg');
    // After the first segment too.
    const at = 4 + image.readUInt16BE(4);
    await expectClean(Buffer.concat([image.subarray(0, at), leftover, image.subarray(at)]), 'image/jpeg');
  });

  it('keeps the colour transform of a CMYK JPEG', async () => {
    const image = await canvas().toColourspace('cmyk').jpeg().toBuffer();
    expect(image.includes('Adobe')).toBe(true);
    const { bytes } = removeMetadata(Buffer.from(image), 'image/jpeg');
    expect((await pixels(bytes)).equals(await pixels(image))).toBe(true);
  });

  it.each(['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME', 'sPLT', 'prVt', 'gAMA', 'teSt'])(
    'of a PNG: chunk %s',
    async (type) => {
      const image = await canvas().png().toBuffer();
      const end = image.length - 12;
      const bytes = Buffer.concat([image.subarray(0, end), chunk(type, SECRET), image.subarray(end)]);
      await expectClean(bytes, 'image/png');
    },
  );

  it('of a PNG: content of the last chunk', async () => {
    const image = await canvas().png().toBuffer();
    const bytes = Buffer.concat([image.subarray(0, -12), chunk('IEND', SECRET)]);
    expect(removeMetadata(bytes, 'image/png').bytes.equals(image)).toBe(true);
  });

  it('of a WebP: a chunk in a frame of an animation', async () => {
    const frames = await sharp(await canvas().png().toBuffer(), {})
      .webp({ lossless: true })
      .toBuffer();
    const still = frames.subarray(12);
    const flags = Buffer.from([0x02, 0, 0, 0, 63, 0, 0, 47, 0, 0]);
    const frame = Buffer.concat([
      Buffer.from([0, 0, 0, 0, 0, 0, 63, 0, 0, 47, 0, 0, 100, 0, 0, 0]),
      still,
      riff('SECR', SECRET),
    ]);
    const body = Buffer.concat([
      Buffer.from('WEBP'),
      riff('VP8X', flags),
      riff('ANIM', Buffer.alloc(6)),
      riff('ANMF', frame),
    ]);
    const original = Buffer.concat([riff('RIFF', body)]);
    await expectClean(original, 'image/webp');
  });
});

describe('the size of a JPEG', () => {
  it('is that of the turned image', async () => {
    const turned = await canvas().withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(readImageHeader(turned)?.size).toEqual({ width: 48, height: 64 });
    const upsideDown = await canvas().withMetadata({ orientation: 3 }).jpeg().toBuffer();
    expect(readImageHeader(upsideDown)?.size).toEqual({ width: 64, height: 48 });
  });
});
