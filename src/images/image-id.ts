import { randomBytes } from 'node:crypto';

/**
 * 24 hexadecimal digits: four bytes of seconds since 1970, eight of chance. The order of ids is the order of times, so
 * one index lists a vehicle's pictures newest first, and a picture adopted from the old server stands where it belongs.
 */
export function newImageId(createdAt: Date): string {
  const seconds = Math.min(Math.max(Math.floor(createdAt.getTime() / 1_000), 0), 0xffff_ffff);
  const id = Buffer.alloc(12);
  id.writeUInt32BE(seconds, 0);
  randomBytes(8).copy(id, 4);
  return id.toString('hex');
}

export const isImageId = (text: string): boolean => /^[0-9a-f]{24}$/.test(text);
