import { createHash } from 'node:crypto';

/**
 * An ObjectId (24 hexadecimal digits) that depends on the arguments only, so that a repeated write hits the same document.
 * It starts with four bytes of seconds like every ObjectId, so that sorting by `_id` sorts by time.
 */
export function deterministicId(kind: string, atMs: number, ...parts: readonly (string | number)[]): string {
  const id = Buffer.alloc(12);
  id.writeUInt32BE(Math.min(Math.max(Math.floor(atMs / 1_000), 0), 0xffff_ffff), 0);
  createHash('sha256')
    .update([kind, atMs, ...parts].join('\0'))
    .digest()
    .copy(id, 4, 0, 8);
  return id.toString('hex');
}
