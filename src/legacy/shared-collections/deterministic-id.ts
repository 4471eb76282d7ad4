import { createHash } from 'node:crypto';

/**
 * 24 hexadecimal digits that are the same whenever they are made for the same thing: a document that is written again
 * after a crash is written over itself. It looks like the ids that the other programs know, four bytes of seconds first,
 * so that sorting by `_id` still sorts by time.
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
