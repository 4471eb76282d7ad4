import { formatTime } from '../time/format-time.js';

/**
 * The shapes of a position: `Position` inside, `RecordedPosition` once it is durable, `PositionView` as JSON.
 * Units: WGS-84 degrees, metres, metres per second, degrees clockwise from north, UTC.
 */

/** What a receiver measured. The parser enforces the ranges. */
export interface Measurements {
  /** −90…90 */
  readonly lat: number;
  /** −180…180 */
  readonly lon: number;
  /** 0…1,000 */
  readonly speedMps?: number;
  /** 0…360; 0 and 360 are both north. */
  readonly headingDeg?: number;
  /** Radius of the receiver's own estimate. Only in the quarantine it can be negative: the place is invalid. */
  readonly accuracyM?: number;
  /** −1,000…100,000 above the ellipsoid or above sea level; receivers do not state which. */
  readonly altitudeM?: number;
  /** 0…100 */
  readonly batteryPct?: number;
  readonly ignition?: boolean;
  /** Other values of the device; at most 2,048 bytes as JSON. */
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** The typed position that all code works with. */
export interface Position extends Measurements {
  /** 24 hexadecimal digits. */
  readonly vehicleId: string;
  /** Time of the fix, epoch milliseconds; whole. */
  readonly timeMs: number;
  /** Time of arrival by the clock of this instance, epoch milliseconds. */
  readonly receivedAtMs: number;
  /** See `RecordEpoch`. Stored, never part of `PositionView`. */
  readonly roleEpoch?: number;
  /** The fields that a client of the old server sent. In memory only: never stored, never part of `PositionView`. */
  readonly originalFields?: Readonly<Record<string, unknown>>;
}

/** A durable position. */
export interface RecordedPosition {
  readonly position: Position;
  /** Older than the newest position of its vehicle that was known when this one was written. */
  readonly late: boolean;
  /** Time of the write, epoch milliseconds; later than `receivedAtMs` for a position released from quarantine. */
  readonly recordedAtMs: number;
}

/** A position as JSON: what the API answers and what Socket.IO sends. */
export interface PositionView extends Measurements {
  /** ISO-8601 UTC to the millisecond. */
  readonly time: string;
  /** ISO-8601 UTC to the millisecond. */
  readonly receivedAt: string;
  /** The vehicle reports, but without newer fix times: this is not its present place. Only in live positions. */
  readonly clock?: 'behind';
}

/** A position as a device sends it; `time` is RFC 3339 with a time zone. */
export type PositionInput = Omit<PositionView, 'receivedAt' | 'clock'>;

/** For an object while it is built. */
export type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/**
 * The measurements alone, field by field. Every writer of documents and JSON uses it, so that `originalFields` and other
 * additions to `Position` cannot reach storage or a client by accident.
 */
export function measurementsOf(from: Measurements): Measurements {
  const measurements: Mutable<Measurements> = {
    lat: from.lat,
    lon: from.lon,
  };
  addOptionalMeasurements(measurements, from);
  return measurements;
}

/** Adds the measurements that a position need not have. */
export function addOptionalMeasurements(measurements: Mutable<Measurements>, from: Measurements): void {
  if (from.speedMps !== undefined) measurements.speedMps = from.speedMps;
  if (from.headingDeg !== undefined) measurements.headingDeg = from.headingDeg;
  if (from.accuracyM !== undefined) measurements.accuracyM = from.accuracyM;
  if (from.altitudeM !== undefined) measurements.altitudeM = from.altitudeM;
  if (from.batteryPct !== undefined) measurements.batteryPct = from.batteryPct;
  if (from.ignition !== undefined) measurements.ignition = from.ignition;
  if (from.attributes !== undefined) measurements.attributes = from.attributes;
}

export function toPositionView(position: Position): PositionView {
  // Extends the new object instead of a spread: this runs for every position that is published.
  const view = measurementsOf(position) as Mutable<PositionView>;
  view.time = formatTime(position.timeMs);
  view.receivedAt = formatTime(position.receivedAtMs);
  return view;
}

/** Used where positions are kept for long: `originalFields` can be 64 kB. Copies only a position that has them. */
export function withoutOriginalFields(position: Position): Position {
  if (position.originalFields === undefined) return position;
  const { originalFields: _originalFields, ...kept } = position;
  return kept;
}

/**
 * The time that the live marker orders by, epoch milliseconds: min(time, receivedAt). A device clock that runs ahead
 * cannot freeze its marker in the future.
 */
export function markerTimeMs(position: Pick<Position, 'timeMs' | 'receivedAtMs'>): number {
  return Math.min(position.timeMs, position.receivedAtMs);
}

/** 11 cm at the equator. */
const SAME_PLACE_DEG = 1e-6;

/** True when both coordinates differ by at most 1e-6 degrees. */
export function isSamePlace(one: { lat: number; lon: number }, other: { lat: number; lon: number }): boolean {
  // The factor covers the rounding of 1e-6 in binary.
  const limit = SAME_PLACE_DEG * 1.000_001;
  return Math.abs(one.lat - other.lat) <= limit && Math.abs(one.lon - other.lon) <= limit;
}
