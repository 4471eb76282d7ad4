import type { Position } from '../../core/index.js';
import { POSITION_ID_BYTES, positionId } from '../position-id.js';

const PLACE_BYTES = 8;

/**
 * The position's id followed by the place in 1e-6° as two big-endian 32-bit integers: 28 bytes; as text, hexadecimal.
 * Several fixes of one moment can be held, each place once.
 */
export function quarantineId(report: Position): Buffer {
  const place = Buffer.allocUnsafe(PLACE_BYTES);
  place.writeInt32BE(Math.round(report.lat * 1e6), 0);
  place.writeInt32BE(Math.round(report.lon * 1e6), 4);
  return Buffer.concat([positionId(report.vehicleId, report.timeMs), place]);
}

export function isQuarantineId(text: string): boolean {
  return text.length === (POSITION_ID_BYTES + PLACE_BYTES) * 2 && /^[0-9a-f]+$/.test(text);
}
