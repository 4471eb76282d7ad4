import { describe, expect, it } from '@jest/globals';
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
    const cleaned = removeMetadata(Buffer.from(original), type);
    expect(cleaned.includes('Secret')).toBe(false);
    // PNG may contain it compressed.
    expect((await sharp(cleaned).metadata()).xmp?.includes('Secret') ?? false).toBe(false);
    const [before, after] = await Promise.all(
      [original, cleaned].map((each) => sharp(each).raw().toBuffer()),
    );
    expect(after?.equals(before ?? Buffer.alloc(0))).toBe(true);
    expect(readImageHeader(cleaned)?.contentType).toBe(type);
    // A second run changes nothing: the same upload gives the same bytes.
    expect(removeMetadata(Buffer.from(cleaned), type).equals(cleaned)).toBe(true);
  });

  it('keeps the orientation', async () => {
    for (const [type, bytes] of [
      ['image/jpeg', await withSecretsAndOrientation().jpeg().toBuffer()],
      ['image/png', await withSecretsAndOrientation().png().toBuffer()],
      ['image/webp', await withSecretsAndOrientation().webp().toBuffer()],
    ] as const)
      expect([type, (await sharp(removeMetadata(bytes, type)).metadata()).orientation]).toEqual([type, 6]);
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
