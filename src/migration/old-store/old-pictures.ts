import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { LRUCache } from 'lru-cache';

const PREFIX = 'uploads/ambulance_images/';
const MAX_BYTES = 20_000_000;
const TIME_LIMIT_MS = 10_000;
const REMEMBERED = 200_000;

/** The bytes of the old server's pictures, in its `public` directory or at its address. */
export class OldPictures {
  private readonly known = new LRUCache<string, string>({ max: REMEMBERED });

  /** @param place a directory, or scheme, host and port of the old server */
  constructor(private readonly place: string) {}

  /**
   * @param path as the documents have it; text from outside
   * @param isFinal whether a file with this hash is complete and need not be read again: the old server names a picture
   *   before it has written it
   * @returns SHA-256, hexadecimal; null for a file that is not there, or a path that is not one of the old server's
   */
  async sha256(path: string, isFinal: (sha256: string) => boolean): Promise<string | null> {
    const known = this.known.get(path);
    if (known !== undefined) return known;
    const bytes = await this.bytes(path);
    if (!bytes) return null;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (isFinal(sha256)) this.known.set(path, sha256);
    return sha256;
  }

  /** @returns null for a file that is not there or is larger than a picture can be, or a path like in `sha256` */
  async bytes(path: string): Promise<Buffer | null> {
    const content = await this.open(path);
    if (!content) return null;
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of content as AsyncIterable<Uint8Array>) {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_BYTES) return null;
        chunks.push(chunk);
      }
    } catch {
      return null;
    }
    return Buffer.concat(chunks);
  }

  private async open(path: string): Promise<AsyncIterable<Uint8Array> | Readable | null> {
    if (!path.startsWith(PREFIX) || path.includes('\0') || path.split('/').includes('..')) return null;
    if (!/^https?:\/\//.test(this.place)) {
      const root = resolve(this.place);
      const file = resolve(root, path);
      return file.startsWith(root + sep) ? createReadStream(file) : null;
    }
    try {
      const address = path.split('/').map(encodeURIComponent).join('/');
      const response = await fetch(`${this.place}/${address}`, {
        redirect: 'manual',
        signal: AbortSignal.timeout(TIME_LIMIT_MS),
      });
      if (response.status === 200 && response.body) return response.body;
      await response.body?.cancel();
      return null;
    } catch {
      return null;
    }
  }
}
