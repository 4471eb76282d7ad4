import { beforeAll, describe, expect, it } from '@jest/globals';
import sharp from 'sharp';
import { examinePart, type ExaminedPart } from './examine-part.js';

const LIMITS = { maxBytes: 100_000, maxPixels: 1_000_000, isExifKept: false };

let jpeg: Buffer;
let withPlace: Buffer;
beforeAll(async () => {
  const canvas = sharp({ create: { width: 640, height: 360, channels: 3, background: '#336699' } });
  jpeg = await canvas.clone().jpeg().toBuffer();
  withPlace = await canvas
    .clone()
    .withExif({ IFD0: { Artist: 'SecretArtist' } })
    .jpeg()
    .toBuffer();
});

const examine = (bytes: Buffer, more: Partial<typeof LIMITS> = {}) =>
  examinePart(Buffer.from(bytes), { ...LIMITS, ...more });

describe('a part of a request', () => {
  it('that is a whole JPEG has its size, and loses its metadata and what follows its end', () => {
    expect(examine(jpeg)).toEqual({
      contentType: 'image/jpeg',
      bytes: jpeg,
      size: { width: 640, height: 360 },
      isDamaged: false,
    });
    expect(examine(Buffer.concat([jpeg, Buffer.from('<script>')]))).toMatchObject({ bytes: jpeg });
    expect((examine(withPlace) as ExaminedPart).bytes.includes('Secret')).toBe(false);
    expect(examine(withPlace, { isExifKept: true })).toMatchObject({ bytes: withPlace, isDamaged: false });
  });

  it('that is cut anywhere is damaged, and loses the metadata that it has', () => {
    for (let length = 24; length < withPlace.length; length += 1) {
      const part = examine(withPlace.subarray(0, length)) as ExaminedPart;
      expect([length, part.isDamaged, part.bytes.length]).toEqual([length, true, length]);
    }
    const part = examine(withPlace.subarray(0, -2)) as ExaminedPart;
    expect(part.bytes.includes('Secret')).toBe(false);
  });

  it.each([
    ['nothing', () => Buffer.alloc(0), 'empty'],
    ['the tail of a JPEG', () => jpeg.subarray(300), 'not-an-image'],
    ['a page', () => Buffer.from('<html></html>'), 'not-an-image'],
    ['more than the limit', () => Buffer.concat([jpeg, Buffer.alloc(100_000)]), 'too-large'],
  ])('that is %s is not stored', (_what, make, fault) => {
    expect(examine(make())).toBe(fault);
  });

  it('that states too many pixels is not stored', () => {
    expect(examine(jpeg, { maxPixels: 640 * 360 - 1 })).toBe('too-many-pixels');
  });

  it('of another format is left to the decoder', async () => {
    const png = await sharp(jpeg).png().toBuffer();
    expect(examine(png)).toEqual({ contentType: 'image/png', bytes: png, size: null, isDamaged: false });
  });

  it.each([
    ['segments', Buffer.from('ffe10002', 'hex')],
    ['fill bytes', Buffer.from('ff', 'hex')],
    ['stuffed bytes', Buffer.from('ff00', 'hex')],
  ])('of 2 MB of %s is damaged', (_what, pattern) => {
    const bytes = Buffer.concat([Buffer.from('ffd8', 'hex'), Buffer.alloc(2_000_000, pattern)]);
    expect(examine(bytes, { maxBytes: 3_000_000 })).toMatchObject({ isDamaged: true });
  });
});
