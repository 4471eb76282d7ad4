/**
 * A position's `_id`: 12 bytes vehicle id, 8 bytes time in big-endian milliseconds, so that bytes sort by vehicle and
 * then by time. The sign bit is flipped (as in an "offset binary" integer) so that times before 1970 sort first.
 */
export const POSITION_ID_BYTES = 20;
const TIME_OFFSET = 12;
const SIGN_BIT = 1n << 63n;

export function positionId(vehicleId: string, timeMs: number): Buffer {
  const id = Buffer.allocUnsafe(POSITION_ID_BYTES);
  id.write(vehicleId, 0, 'hex');
  id.writeBigUInt64BE(BigInt(timeMs) + SIGN_BIT, TIME_OFFSET);
  return id;
}

/** Below and above every position of one vehicle. */
export function positionIdBounds(vehicleId: string): { readonly lowest: Buffer; readonly highest: Buffer } {
  const lowest = Buffer.alloc(POSITION_ID_BYTES, 0x00);
  const highest = Buffer.alloc(POSITION_ID_BYTES, 0xff);
  lowest.write(vehicleId, 0, 'hex');
  highest.write(vehicleId, 0, 'hex');
  return { lowest, highest };
}
