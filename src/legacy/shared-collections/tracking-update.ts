import { markerTimeMs, type Position } from '../../core/index.js';
import { greatCircleMinutes, parsePoint } from './travel-time.js';
import { nextAverageKmh, roundedUpKmh, speedState } from './average-speed.js';

/** What is read of a document of `ambulance_trackings`; whatever else is in it is other programs'. */
export interface LegacyTracking {
  readonly count_datetime?: unknown;
  readonly avg_speed?: unknown;
  readonly destination_location?: unknown;
}

/** What is written of it, and nothing beside. */
export interface TrackingChange {
  readonly location: { readonly lat: number; readonly lon: number };
  readonly count_datetime: Date;
  readonly heading?: number;
  readonly speed?: number;
  readonly avg_speed?: number;
  readonly state?: string;
  readonly estimated_time?: number;
}

/** Of its last position, epoch milliseconds; null: it has none that can be read. */
export function trackingTimeMs({ count_datetime: at }: LegacyTracking): number | null {
  if (at instanceof Date) return at.getTime();
  if (typeof at !== 'string' && typeof at !== 'number') return null;
  const timeMs = new Date(at).getTime();
  return Number.isNaN(timeMs) ? null : timeMs;
}

/**
 * The document after some positions of its vehicle; null when all of them are older than what stands there, whoever
 * wrote it. So the same positions once more change nothing, and the old server's newer word stays.
 * @param positions in any order
 */
export function updateTracking(
  tracking: LegacyTracking,
  positions: readonly Position[],
): TrackingChange | null {
  const sinceMs = trackingTimeMs(tracking) ?? -Infinity;
  const fresh = positions.filter((each) => markerTimeMs(each) > sinceMs).sort(byTime);
  const last = fresh.at(-1);
  if (!last) return null;
  const speeds = fresh.flatMap(({ speedMps }) => (speedMps === undefined ? [] : [roundedUpKmh(speedMps)]));
  const averageKmh = speeds.reduce<number | null>(nextAverageKmh, averageOf(tracking));
  return {
    location: { lat: last.lat, lon: last.lon },
    count_datetime: new Date(markerTimeMs(last)),
    ...(last.headingDeg !== undefined && { heading: last.headingDeg }),
    // Without a speed the last one stands: the readers want a number, and 0 would be a lie.
    ...(speeds.length > 0 && { speed: speeds.at(-1) }),
    ...(speeds.length > 0 && averageKmh !== null && { avg_speed: averageKmh, state: speedState(averageKmh) }),
    ...estimateTimeLeft(tracking, last),
  };
}

/** What is written of a position into `ambulance_tracking_histories`. */
export interface HistoryEntry {
  readonly location: { readonly lat: number; readonly lon: number };
  readonly count_datetime: Date;
  readonly speed?: number;
  readonly heading?: number;
}

export function historyEntry({ lat, lon, timeMs, speedMps, headingDeg }: Position): HistoryEntry {
  return {
    location: { lat, lon },
    count_datetime: new Date(timeMs),
    ...(speedMps !== undefined && { speed: roundedUpKmh(speedMps) }),
    ...(headingDeg !== undefined && { heading: headingDeg }),
  };
}

function byTime(one: Position, other: Position): number {
  return markerTimeMs(one) - markerTimeMs(other);
}

function averageOf({ avg_speed: average }: LegacyTracking): number | null {
  return typeof average === 'number' && Number.isFinite(average) ? average : null;
}

function estimateTimeLeft(tracking: LegacyTracking, last: Position): Pick<TrackingChange, 'estimated_time'> {
  const destination = parsePoint(tracking.destination_location);
  const minutes = destination && greatCircleMinutes(last, destination, last.speedMps);
  return minutes === null ? {} : { estimated_time: minutes };
}
