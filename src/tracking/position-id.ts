import { TIME_ORDERED_ID_BYTES, timeOrderedId, timeOrderedIdBounds } from '../database/index.js';

const QUARANTINE_ID_BYTES = TIME_ORDERED_ID_BYTES + 8;

/** The `_id` of a position: vehicle, then time; 20 bytes. Bytes sort in this order. */
export function positionId(vehicleId: string, timeMs: number): Buffer {
  return timeOrderedId(vehicleId, timeMs);
}

/** Below and above every position id of one vehicle. */
export const positionIdBounds = (vehicleId: string): ReturnType<typeof timeOrderedIdBounds> =>
  timeOrderedIdBounds(vehicleId);

/**
 * The `_id` of a quarantined position: its position id, then latitude and longitude in 1e-6 degrees as big-endian 32-bit
 * integers; 28 bytes. So quarantine holds several places of one time, and each place once.
 */
export function quarantineId(position: {
  readonly vehicleId: string;
  readonly timeMs: number;
  readonly lat: number;
  readonly lon: number;
}): Buffer {
  const id = timeOrderedId(position.vehicleId, position.timeMs, QUARANTINE_ID_BYTES);
  id.writeInt32BE(Math.round(position.lat * 1e6), TIME_ORDERED_ID_BYTES);
  id.writeInt32BE(Math.round(position.lon * 1e6), TIME_ORDERED_ID_BYTES + 4);
  return id;
}

/** Below and above every quarantine id of one vehicle. */
export const quarantineIdBounds = (vehicleId: string): ReturnType<typeof timeOrderedIdBounds> =>
  timeOrderedIdBounds(vehicleId, QUARANTINE_ID_BYTES);

/** 56 lower-case hexadecimal digits. */
export function isQuarantineId(text: string): boolean {
  return text.length === QUARANTINE_ID_BYTES * 2 && /^[0-9a-f]+$/.test(text);
}
