import { distanceM, markerTimeMs, type Position } from '../../core/index.js';
import { timeMsOf } from './document-time.js';
import { kmhOf, trackingSpeedKmh, twoDecimals } from './legacy-speed.js';
import type { EpisodeIds } from './speeding-episodes.js';
import { greatCircleMinutes, parsePoint } from './travel-time.js';

/** The fields of `ambulance_trackings` that are read here. */
export interface LegacyTracking extends EpisodeIds {
  readonly count_datetime?: unknown;
  readonly updatedAt?: unknown;
  readonly avg_speed?: unknown;
  readonly source_location?: unknown;
  readonly destination_location?: unknown;
}

/** The fields of `ambulance_trackings` that are written here. */
interface TrackingChange {
  readonly location: { readonly lat: number; readonly lon: number };
  readonly count_datetime: Date;
  readonly updatedAt: Date;
  readonly heading: number;
  readonly speed?: number;
  readonly avg_speed?: number;
  readonly state?: string;
  readonly estimated_time: number;
  readonly covered_distance: number;
}

const NO_PLACE = { lat: 0, lon: 0 } as const;

/** The positions that are newer than the document, by time. Those of a repeated write are not among them. */
export function newerThan(tracking: LegacyTracking | null, positions: readonly Position[]): Position[] {
  const sinceMs = timeMsOf(tracking?.count_datetime) ?? -Infinity;
  return positions
    .filter((each) => markerTimeMs(each) > sinceMs)
    .sort((one, other) => markerTimeMs(one) - markerTimeMs(other));
}

/**
 * The change of the fields that newer positions cause, without the episode ids.
 * @param tracking null: the vehicle has no document yet
 * @param fresh from `newerThan`, at least one
 */
export function updateTracking(tracking: LegacyTracking | null, fresh: readonly Position[]): TrackingChange {
  const last = fresh.at(-1);
  if (!last) throw new Error('no position');
  // The old server's first position has the average 0.
  const moving = fresh.slice(tracking ? 0 : 1).flatMap(({ speedMps }) => speedMps ?? []);
  const average = moving.reduce(
    (before, speedMps) => twoDecimals((before + kmhOf(speedMps)) / 2),
    averageOf(tracking),
  );
  const speedMps = fresh.findLast((each) => each.speedMps !== undefined)?.speedMps;
  const updatedAtMs = Math.max(
    timeMsOf(tracking?.updatedAt) ?? -Infinity,
    ...fresh.map(({ receivedAtMs }) => receivedAtMs),
  );
  return {
    location: { lat: last.lat, lon: last.lon },
    count_datetime: new Date(markerTimeMs(last)),
    // Readers take a vehicle as online for 60 s after it. The time of receipt, because this write can be delayed.
    updatedAt: new Date(updatedAtMs),
    heading: last.headingDeg ?? 0,
    // Without a speed the last one stays: readers need a number, and 0 would be wrong.
    ...(speedMps !== undefined && {
      speed: trackingSpeedKmh(speedMps),
      avg_speed: average,
      state: speedState(average),
    }),
    ...journeyOf(tracking, last),
  };
}

/** A complete document without its ids, with the old schema's defaults. */
export function newTracking(fresh: readonly Position[]): TrackingChange & Readonly<Record<string, unknown>> {
  const change = updateTracking(null, fresh);
  return {
    source_location: NO_PLACE,
    destination_location: NO_PLACE,
    speed: 0,
    avg_speed: 0,
    state: 'GREEN',
    ...change,
    createdAt: change.updatedAt,
    __v: 0,
  };
}

/** The fields of a document of `ambulance_tracking_histories`, without the episode ids. */
export interface HistoryEntry {
  readonly location: { readonly lat: number; readonly lon: number };
  readonly count_datetime: Date;
  readonly createdAt: Date;
  readonly speed?: number;
  readonly heading?: number;
  readonly __v: number;
}

export function historyEntry({
  lat,
  lon,
  timeMs,
  receivedAtMs,
  speedMps,
  headingDeg,
}: Position): HistoryEntry {
  return {
    location: { lat, lon },
    count_datetime: new Date(timeMs),
    createdAt: new Date(receivedAtMs),
    ...(speedMps !== undefined && { speed: kmhOf(speedMps) }),
    ...(headingDeg !== undefined && { heading: headingDeg }),
    __v: 0,
  };
}

function averageOf(tracking: LegacyTracking | null): number {
  const average = tracking?.avg_speed;
  return typeof average === 'number' && Number.isFinite(average) ? average : 0;
}

/**
 * Minutes to the destination, and kilometres from the source. Both are 0 without the places that the request's program
 * writes; it sets them to 0,0 when the request ends.
 */
function journeyOf(
  tracking: LegacyTracking | null,
  last: Position,
): Pick<TrackingChange, 'estimated_time' | 'covered_distance'> {
  const source = parsePoint(tracking?.source_location);
  const destination = parsePoint(tracking?.destination_location);
  const minutes = source && destination && greatCircleMinutes(last, destination, last.speedMps);
  return { estimated_time: minutes ?? 0, covered_distance: source ? distanceM(source, last) / 1_000 : 0 };
}

/**
 * GREEN, ORANGE above 80 km/h, RED above 120. The old schema does not list ORANGE, but the old server writes it. The old
 * server never returns to GREEN; this function does.
 */
function speedState(averageKmh: number): 'GREEN' | 'ORANGE' | 'RED' {
  if (averageKmh > 120) return 'RED';
  return averageKmh > 80 ? 'ORANGE' : 'GREEN';
}
