import { createHash, randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';
import { call, type Answer } from './http.js';

/** An image that differs from those with other seeds: the seed decides its colour. */
export function jpeg(seed: number, width = 320, height = 240): Promise<Buffer> {
  return canvas(seed, width, height).jpeg({ quality: 85 }).toBuffer();
}
export const png = (seed: number): Promise<Buffer> => canvas(seed, 120, 80).png().toBuffer();
export const webp = (seed: number): Promise<Buffer> => canvas(seed, 120, 80).webp().toBuffer();
export const avif = (seed: number): Promise<Buffer> => canvas(seed, 128, 96).avif({ effort: 0 }).toBuffer();

/** Like a phone's: with location, device and an orientation of 90 degrees. */
export function jpegWithPlace(seed: number): Promise<Buffer> {
  return canvas(seed, 320, 240).withExif(EXIF).withMetadata({ orientation: 6 }).jpeg().toBuffer();
}

export const EXIF = {
  IFD0: { Make: 'SecretMaker', Model: 'SecretModel', Artist: 'SecretArtist' },
  IFD3: {
    GPSLatitudeRef: 'N',
    GPSLatitude: '48/1 8/1 14/1',
    GPSLongitudeRef: 'E',
    GPSLongitude: '11/1 34/1 31/1',
  },
};

function canvas(seed: number, width: number, height: number): Sharp {
  // Hashed, because two similar colours would give the same JPEG.
  const [r = 0, g = 0, b = 0] = createHash('md5').update(String(seed)).digest();
  const color = { r, g, b };
  return sharp({ create: { width, height, channels: 3, background: color } });
}

/** A valid image of exactly this size: comment segments fill it up. */
export async function jpegOfSize(seed: number, sizeBytes: number): Promise<Buffer> {
  const image = await jpeg(seed);
  const parts = [image.subarray(0, 2)];
  for (let left = sizeBytes - image.length; left > 0;) {
    // A segment has 4 bytes of header and at most 65,533 bytes of content; less than 4 bytes cannot be a segment.
    const bytes = left <= 65_537 ? left : Math.min(65_537, left - 4);
    const segment = Buffer.alloc(bytes, seed & 255);
    segment.writeUInt16BE(0xfffe, 0);
    segment.writeUInt16BE(bytes - 2, 2);
    parts.push(segment);
    left -= bytes;
  }
  return Buffer.concat([...parts, image.subarray(2)]);
}

/** A JPEG of random pixels, which do not compress: at least this size and a few per cent more. */
export function noise(sizeBytes: number): Promise<Buffer> {
  // A pixel takes 0.875 bytes at this quality.
  const side = Math.ceil(Math.sqrt(sizeBytes / 0.86));
  return sharp(randomBytes(side * side * 3), { raw: { width: side, height: side, channels: 3 } })
    .jpeg({ quality: 92 })
    .toBuffer();
}

/** 30,000 by 30,000 black pixels in a few kilobytes: 900 megapixels when decoded. */
export function pngBomb(side = 30_000): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.writeUInt8(1, 8);
  const row = Math.ceil(side / 8) + 1;
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(row * side), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A valid lossless WebP of one colour in 28 bytes: each of its five Huffman codes has one symbol of zero bits. */
export function webpBomb(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.write('RIFF\x14\0\0\0WEBPVP8L\x08\0\0\0\x2f', 'latin1');
  bytes.writeUInt32LE((width - 1) | ((height - 1) << 14), 21);
  // Three bits: no transform, no cache, no groups. Then five times the bits 1, 0, 0, 0, the lowest bit first.
  bytes.writeUIntLE(0b0001_0001_0001_0001_0001_000, 25, 3);
  return bytes;
}

function chunk(type: string, content: Buffer): Buffer {
  const bytes = Buffer.alloc(12 + content.length);
  bytes.writeUInt32BE(content.length, 0);
  bytes.write(type, 4, 'latin1');
  content.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + content.length)), 8 + content.length);
  return bytes;
}

/** The container of a phone's HEIC with meaningless pixel data: no decoder is included. */
export function heic(width = 4_032, height = 3_024): Buffer {
  const extent = Buffer.alloc(12);
  extent.writeUInt32BE(width, 4);
  extent.writeUInt32BE(height, 8);
  const properties = box('iprp', box('ipco', box('ispe', extent)));
  return Buffer.concat([
    box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1')),
    box('meta', Buffer.concat([Buffer.alloc(4), properties])),
    box('mdat', Buffer.alloc(2_000, 7)),
  ]);
}

function box(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + content.length, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, content]);
}

export interface Upload {
  readonly vehicleId: string;
  readonly token: string;
  readonly bytes: Buffer;
  readonly filename?: string;
  readonly type?: string;
}

/** Sends a form with one part named `file`. */
export async function upload(service: { readonly url: string }, options: Upload): Promise<Answer> {
  const { vehicleId, token, bytes, filename = 'IMG_1.jpg', type = 'image/jpeg' } = options;
  const form = new FormData();
  form.append('file', new Blob([new Uint8Array(bytes)], { type }), filename);
  const response = await fetch(`${service.url}/api/v1/vehicles/${vehicleId}/images`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? '' : JSON.parse(text) };
}

/** Status, headers and bytes of an image answer. */
export async function download(
  service: { readonly url: string },
  path: string,
  token?: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; bytes: Buffer }> {
  const response = await fetch(`${service.url}${path}`, {
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
  });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

export const imagesOf = (
  service: { readonly url: string },
  vehicleId: string,
  token: string,
): Promise<Answer> => call(service, 'GET', `/api/v1/vehicles/${vehicleId}/images?limit=500`, { token });
