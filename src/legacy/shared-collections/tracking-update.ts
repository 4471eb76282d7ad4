import { markerTimeMs, type Position } from '../../core/index.js';
import { greatCircleMinutes, parsePoint } from './travel-time.js';
import { nextAverageKmh, roundedUpKmh } from '../../crew-events/index.js';

/** The fields of `ambulance_trackings` that are read here. */
export interface LegacyTracking {
  readonly count_datetime?: unknown;
  readonly avg_speed?: unknown;
  readonly destination_location?: unknown;
}

/** The fields of `ambulance_trackings` that are written here. */
interface TrackingChange {
  readonly location: { readonly lat: number; readonly lon: number };
  readonly count_datetime: Date;
  readonly heading?: number;
  readonly speed?: number;
  readonly avg_speed?: number;
  readonly state?: string;
  readonly estimated_time?: number;
}

/** Time of the document's position, epoch milliseconds; null without a readable one. */
export function trackingTimeMs({ count_datetime: at }: LegacyTracking): number | null {
  if (at instanceof Date) return at.getTime();
  if (typeof at !== 'string' && typeof at !== 'number') return null;
  const timeMs = new Date(at).getTime();
  return Number.isNaN(timeMs) ? null : timeMs;
}

/**
 * The change that these positions cause; null when the document's position is as new as all of them. The same positions
 * again therefore change nothing, and a newer position of the old server stays.
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
    // Without a speed the last one stays: readers need a number, and 0 would be wrong.
    ...(speeds.length > 0 && { speed: speeds.at(-1) }),
    ...(speeds.length > 0 && averageKmh !== null && { avg_speed: averageKmh, state: speedState(averageKmh) }),
    ...estimateTimeLeft(tracking, last),
  };
}

/** The fields of a document of `ambulance_tracking_histories`. */
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

/**
 * GREEN, ORANGE above 80 km/h, RED above 120. The old schema does not list ORANGE, but the old server writes it and its
 * readers expect it. The old server never returns to GREEN; this function does.
 */
function speedState(averageKmh: number): 'GREEN' | 'ORANGE' | 'RED' {
  if (averageKmh > 120) return 'RED';
  return averageKmh > 80 ? 'ORANGE' : 'GREEN';
}
