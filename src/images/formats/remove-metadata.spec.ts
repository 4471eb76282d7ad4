import { describe, expect, it } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import { pictureHeader } from './picture-header.js';
import type { PictureType } from './picture-type.js';
import { removeMetadata } from './remove-metadata.js';

const EXIF = {
  IFD0: { Make: 'SecretMaker', Model: 'SecretModel', Software: 'SecretSoftware' },
  IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 8/1 14/1' },
};
const XMP =
  '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><a>SecretXmp</a></x:xmpmeta><?xpacket end="w"?>';

/** Not one colour, so that a pixel that moved would show. */
function picture(): Sharp {
  const pixels = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, index) => (index * 7) % 256));
  return sharp(pixels, { raw: { width: 64, height: 48, channels: 3 } });
}

const withSecretsAndOrientation = (): Sharp =>
  picture().withExif(EXIF).withXmp(XMP).withMetadata({ orientation: 6 });
const secret = (): Sharp => picture().withExif(EXIF).withXmp(XMP).keepIccProfile();

const FORMATS: readonly (readonly [PictureType, () => Promise<Buffer>])[] = [
  ['image/jpeg', () => secret().jpeg().toBuffer()],
  ['image/png', () => secret().png().toBuffer()],
  ['image/webp', () => secret().webp().toBuffer()],
  ['image/avif', () => secret().avif({ effort: 0 }).toBuffer()],
];

describe('removeMetadata', () => {
  it.each(FORMATS)('takes place, device and XMP out of %s and moves no pixel', async (type, make) => {
    const original = await make();
    expect(original.includes('SecretMaker')).toBe(true);
    expect((await sharp(original).metadata()).xmp?.includes('SecretXmp')).toBe(true);
    const cleaned = removeMetadata(Buffer.from(original), type);
    expect(cleaned.includes('Secret')).toBe(false);
    // PNG may hold it compressed.
    expect((await sharp(cleaned).metadata()).xmp?.includes('Secret') ?? false).toBe(false);
    const [before, after] = await Promise.all(
      [original, cleaned].map((each) => sharp(each).raw().toBuffer()),
    );
    expect(after?.equals(before ?? Buffer.alloc(0))).toBe(true);
    expect(pictureHeader(cleaned)?.contentType).toBe(type);
    // What was cleaned once is what it is: the same upload gives the same bytes.
    expect(removeMetadata(Buffer.from(cleaned), type).equals(cleaned)).toBe(true);
  });

  it('keeps how a picture is turned', async () => {
    for (const [type, bytes] of [
      ['image/jpeg', await withSecretsAndOrientation().jpeg().toBuffer()],
      ['image/png', await withSecretsAndOrientation().png().toBuffer()],
      ['image/webp', await withSecretsAndOrientation().webp().toBuffer()],
    ] as const)
      expect([type, (await sharp(removeMetadata(bytes, type)).metadata()).orientation]).toEqual([type, 6]);
  });

  it.each(FORMATS)(
    'of %s, cut anywhere, says that it is broken or gives what is there, and always ends',
    async (type, make) => {
      const original = await make();
      for (let length = 12; length < original.length; length += 1 + Math.floor(original.length / 150)) {
        const cut = Buffer.from(original.subarray(0, length));
        try {
          removeMetadata(cut, type);
        } catch (error) {
          // By name: the error comes from another realm under Jest.
          expect((error as Error).name).toBe('RangeError');
        }
      }
    },
  );

  it.each(FORMATS)('knows the size of %s from its first bytes', async (type, make) => {
    expect(pictureHeader(await make())).toEqual({ contentType: type, size: { width: 64, height: 48 } });
  });
});
