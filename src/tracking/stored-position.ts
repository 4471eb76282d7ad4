import type { Position, PositionView } from '../core/index.js';

/** A fix that is durable. */
export type StoredPosition = Position;

/**
 * What the live marker orders by: min(time, receivedAt), so that a device clock that runs ahead cannot freeze its
 * marker in the future.
 */
export function markerTimeMs(position: StoredPosition): number {
  return Math.min(position.timeMs, position.receivedAtMs);
}

/** 1e-6° is 11 cm at the equator: nearer than that is the same place. */
const SAME_PLACE_DEG = 1e-6;

export function isSamePlace(one: { lat: number; lon: number }, other: { lat: number; lon: number }): boolean {
  // A receiver repeats its digits; the slack only covers the binary form of 1e-6 itself.
  const limit = SAME_PLACE_DEG * 1.000_001;
  return Math.abs(one.lat - other.lat) <= limit && Math.abs(one.lon - other.lon) <= limit;
}

export function toPositionView(position: StoredPosition): PositionView {
  const { vehicleId: _vehicleId, timeMs, receivedAtMs, ...fix } = position;
  return { ...fix, time: new Date(timeMs).toISOString(), receivedAt: new Date(receivedAtMs).toISOString() };
}
