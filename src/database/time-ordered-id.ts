/**
 * Ids that order by vehicle, then by time: 12 bytes vehicle id, 8 bytes milliseconds since 1970 in big-endian order,
 * then further bytes that the caller fills. The sign bit of the time is inverted, so that times before 1970 sort first.
 */
export const TIME_ORDERED_ID_BYTES = 20;
const TIME_OFFSET = 12;
const SIGN_BIT = 0x8000_0000;

/**
 * @param vehicleId 24 hexadecimal digits
 * @param timeMs epoch milliseconds, an integer
 * @param sizeBytes 20 or more; bytes from 20 on are 0
 */
export function timeOrderedId(vehicleId: string, timeMs: number, sizeBytes = TIME_ORDERED_ID_BYTES): Buffer {
  // `allocUnsafe` takes memory from the buffer pool, which is faster: every position needs ids.
  const id = Buffer.allocUnsafe(sizeBytes).fill(0, TIME_ORDERED_ID_BYTES);
  writeTimeOrderedId(id, 0, vehicleId, timeMs);
  return id;
}

/** Writes the first 20 bytes of an id at a place of a buffer. */
export function writeTimeOrderedId(target: Buffer, at: number, vehicleId: string, timeMs: number): void {
  target.write(vehicleId, at, TIME_OFFSET, 'hex');
  const high = Math.floor(timeMs / 2 ** 32);
  target.writeUInt32BE((high ^ SIGN_BIT) >>> 0, at + TIME_OFFSET);
  target.writeUInt32BE(timeMs - high * 2 ** 32, at + TIME_OFFSET + 4);
}

/**
 * The lowest and the highest possible id of one vehicle, both included.
 * @param sizeBytes of the ids in the collection: MongoDB orders binaries by length first
 */
export function timeOrderedIdBounds(
  vehicleId: string,
  sizeBytes = TIME_ORDERED_ID_BYTES,
): { readonly lowest: Buffer; readonly highest: Buffer } {
  const lowest = Buffer.alloc(sizeBytes, 0x00);
  const highest = Buffer.alloc(sizeBytes, 0xff);
  lowest.write(vehicleId, 0, 'hex');
  highest.write(vehicleId, 0, 'hex');
  return { lowest, highest };
}
