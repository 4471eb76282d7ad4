import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { jpeg } from './pictures.js';

export const BOX_CODES = ['291', '292', '293'] as const;

/**
 * Fills a directory with `count` images in the old server's layout. Their last bytes differ.
 * @param sizeBytes of each file
 * @returns their paths below the directory
 */
export async function writeOldPictures(
  directory: string,
  count: number,
  sizeBytes = 2_000,
): Promise<string[]> {
  const image = await jpeg(1, 32, 24);
  const paths: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const box = BOX_CODES[n % BOX_CODES.length] ?? '';
    const folder = `${box}/2026/${1 + (n % 12)}/${1 + (n % 28)}/${n % 24}_${n % 60}`;
    const path = `${folder}/${n % 60}_${n % 50}_${1_000 + n}.jpg`;
    const bytes = Buffer.concat([image, Buffer.alloc(Math.max(8, sizeBytes - image.length), n & 255)]);
    bytes.writeUInt32BE(n, bytes.length - 8);
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), bytes);
    paths.push(path);
  }
  return paths;
}
