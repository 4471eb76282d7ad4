import { markerTimeMs, type Position } from '../core/index.js';
import type { CrewEventType, CrewEventView } from './crew-event.js';

/** What the rules read of a position. */
export type CrewPosition = Pick<
  Position,
  'vehicleId' | 'timeMs' | 'receivedAtMs' | 'lat' | 'lon' | 'speedMps' | 'roleEpoch'
>;

/** The state of a vehicle between two positions, as stored in `crew_states`. Times are epoch milliseconds. */
export interface CrewVehicleState {
  readonly isOnline: boolean;
  /** Newest `receivedAt` of its positions. */
  readonly heardMs: number;
  /** Newest marker time of its positions: min(time, receivedAt). */
  readonly shownMs: number;
  /** Receipt of the first position of a backlog that ended a silence; null or absent: no backlog is being received. */
  readonly backlogSinceMs?: number | null;
  readonly averageKmh: number | null;
  /** Number of speed limits that the average exceeds. */
  readonly limitsExceeded: number;
  /** Requests with a `near_arrival` event, the newest last. */
  readonly nearRequestIds: readonly string[];
  readonly lat: number;
  readonly lon: number;
  /** By the old server's rules. Absent in states of earlier releases. */
  readonly panel?: PanelVehicleState;
}

/** State of a vehicle between two positions by the old server's rules. */
export interface PanelVehicleState {
  /** The old server's `speed` of the vehicle, see `storedSpeedKmh`; null before the first position with a speed. */
  readonly speedKmh: number | null;
  /** `listeningSinceMs` of the last ONLINE, or of the first position; null: neither. ONLINE is sent once for each value. */
  readonly onlineSinceMs: number | null;
  /** Requests with a near arrival, the newest last. */
  readonly nearRequestIds: readonly string[];
  /** The old server has got the last position too and has notified of it. */
  readonly isShadow?: true;
}

export interface CrewEventRules {
  readonly offlineAfterMs: number;
  /** Limits of the average speed, ascending. */
  readonly speedLimitsKmh: readonly [orange: number, red: number];
  readonly nearArrivalMinutes: number;
  /** Request statuses that allow a `near_arrival` event; null: every status of an open request. */
  readonly nearArrivalStatuses: readonly string[] | null;
  /** Request statuses that allow a near arrival by the old server's rules. */
  readonly panelNearStatuses: readonly string[];
  /** Age of a fix at its receipt above which it belongs to a backlog, milliseconds. */
  readonly notifyMaxAgeMs: number;
  /** Start of the time in which leaders have read positions without a long gap. Silence before it does not count. */
  readonly listeningSinceMs: number;
}

/** The open request that a vehicle is assigned to. */
export interface AssignedRequest {
  readonly requestId: string;
  readonly status: string;
  /** A fraction; null: unknown. */
  readonly estimatedMinutes: number | null;
}

/** `late` is known when it is recorded. */
export interface CrewEvent extends Omit<CrewEventView, 'at' | 'late'> {
  readonly at: Date;
}

/**
 * Who gets an event. `watchers`: Samserver's rules, shown on `/live`. `panel`: the old server's rules, sent to the panel.
 */
export type CrewEventAudience = 'watchers' | 'panel';

/** A crew event that is stored with its vehicle's state and perhaps not in `crew_events` yet. */
export interface PendingCrewEvent extends CrewEvent {
  readonly audience: CrewEventAudience;
  /** A notification that the old server has sent. */
  readonly isShadow?: true;
  /** The vehicle's id in the old system; the vehicle's own id when the old system has none. */
  readonly ambulanceId: string;
}

export interface CrewRuleResult {
  readonly memory: CrewVehicleState;
  readonly events: readonly CrewEvent[];
}

const ABOVE: readonly CrewEventType[] = ['speed_above_80', 'speed_above_120'];
const BELOW: readonly CrewEventType[] = ['speed_below_80', 'speed_below_120'];
/** A vehicle has one request at a time. Other programs may assign an earlier one again. */
const REQUESTS_REMEMBERED = 20;

/**
 * Applies Samserver's rules to one position. The result depends on the arguments only. A position that was applied
 * before gives no event.
 * @param memory null: the first position of the vehicle, which counts as online without an event
 */
export function applyPosition(
  memory: CrewVehicleState | null,
  position: CrewPosition,
  rules: CrewEventRules,
  request: AssignedRequest | null,
): CrewRuleResult {
  const { vehicleId, lat, lon, speedMps, receivedAtMs } = position;
  if (!memory) {
    const first = { isOnline: true, averageKmh: null, limitsExceeded: 0, nearRequestIds: [], lat, lon };
    return applyPosition({ ...first, heardMs: receivedAtMs, shownMs: -Infinity }, position, rules, request);
  }
  const events: CrewEvent[] = [];
  const about = { vehicleId, requestId: request?.requestId ?? null, minutesLeft: null };
  let { isOnline, heardMs, shownMs, averageKmh, limitsExceeded, nearRequestIds } = memory;
  let { backlogSinceMs = null } = memory;
  let place = { lat: memory.lat, lon: memory.lon };
  const markerMs = markerTimeMs(position);
  const isOld = isBacklog(position, rules);

  // All positions of one report have the same time of receipt.
  if (receivedAtMs > heardMs || (receivedAtMs === heardMs && markerMs > shownMs)) {
    // A silence may have begun and ended while no instance was the leader.
    const silent = detectSilence(vehicleId, memory, receivedAtMs, rules, request);
    if (silent) events.push(...silent.events);
    if (receivedAtMs - heardMs >= rules.offlineAfterMs) backlogSinceMs = null;
    if (!isOnline || silent) {
      const backlogMs = backlogSinceMs === null ? 0 : receivedAtMs - backlogSinceMs;
      // A backlog makes the vehicle online in the past. It is online now when a present fix follows, or when old fixes
      // keep arriving: then the clock of the device is behind.
      isOnline = !isOld || backlogMs >= rules.notifyMaxAgeMs;
      if (isOnline || backlogSinceMs === null) {
        const at = new Date(isOnline ? receivedAtMs : markerMs);
        events.push({ ...about, ...event('online', vehicleId, at), lat, lon, averageKmh });
      }
      backlogSinceMs = isOnline ? null : (backlogSinceMs ?? receivedAtMs);
    }
    heardMs = receivedAtMs;
  }

  if (markerMs > shownMs) {
    shownMs = markerMs;
    place = { lat, lon };
    const at = new Date(markerMs);
    if (speedMps !== undefined) {
      averageKmh = nextAverageKmh(averageKmh, roundedUpKmh(speedMps));
      const exceeded = rules.speedLimitsKmh.filter((limitKmh) => (averageKmh ?? 0) > limitKmh).length;
      for (const type of crossings(limitsExceeded, exceeded))
        events.push({ ...about, ...event(type, vehicleId, at), ...place, averageKmh });
      limitsExceeded = exceeded;
    }
    // The time left is computed for now, so it does not fit a place of the past.
    const minutesLeft = wholeMinutes(request);
    if (request && !isOld && isNear(request, rules) && !nearRequestIds.includes(request.requestId)) {
      const { requestId } = request;
      nearRequestIds = rememberRequest(nearRequestIds, requestId);
      const id = `${vehicleId}.near_arrival.${requestId}`;
      events.push({ id, vehicleId, type: 'near_arrival', at, ...place, averageKmh, requestId, minutesLeft });
    }
  }
  return {
    memory: {
      isOnline,
      heardMs,
      shownMs,
      backlogSinceMs,
      averageKmh,
      limitsExceeded,
      nearRequestIds,
      ...place,
    },
    events,
  };
}

/** Whether a position was old when it was received: a device that was offline sends such positions. */
export function isBacklog(
  position: CrewPosition,
  { notifyMaxAgeMs }: Pick<CrewEventRules, 'notifyMaxAgeMs'>,
): boolean {
  return position.receivedAtMs - markerTimeMs(position) > notifyMaxAgeMs;
}

/** The last requests, the newest last. */
export function rememberRequest(requestIds: readonly string[], requestId: string): readonly string[] {
  return [...requestIds, requestId].slice(-REQUESTS_REMEMBERED);
}

/** For positions that wait: a small copy of one that is large. One can have 2 kB of attributes. */
export function crewPositionOf(position: Position): CrewPosition {
  if (position.attributes === undefined && position.originalFields === undefined) return position;
  const { vehicleId, timeMs, receivedAtMs, lat, lon, speedMps, roleEpoch } = position;
  return {
    ...{ vehicleId, timeMs, receivedAtMs, lat, lon },
    ...(speedMps !== undefined && { speedMps }),
    ...(roleEpoch !== undefined && { roleEpoch }),
  };
}

/** The `offline` event of a vehicle whose last position is too old at `nowMs`; null: no event. */
export function detectSilence(
  vehicleId: string,
  memory: CrewVehicleState,
  nowMs: number,
  rules: CrewEventRules,
  request: AssignedRequest | null,
): CrewRuleResult | null {
  const { isOnline, heardMs, lat, lon, averageKmh } = memory;
  const offlineAtMs = Math.max(heardMs, rules.listeningSinceMs) + rules.offlineAfterMs;
  if (!isOnline || nowMs < offlineAtMs) return null;
  const requestId = request?.requestId ?? null;
  const what = {
    // Made from the last position before the silence, so that every leader gives one silence the same id.
    id: `${vehicleId}.offline.${heardMs}`,
    vehicleId,
    type: 'offline' as const,
    at: new Date(offlineAtMs),
  };
  return {
    memory: { ...memory, isOnline: false },
    events: [{ ...what, lat, lon, averageKmh, requestId, minutesLeft: null }],
  };
}

/** One event type for each limit between the two counts, in the order of crossing. */
function crossings(before: number, after: number): readonly CrewEventType[] {
  return after > before ? ABOVE.slice(before, after) : BELOW.slice(after, before).reverse();
}

function isNear(request: AssignedRequest, rules: CrewEventRules): boolean {
  const minutes = wholeMinutes(request);
  if (minutes === null || minutes >= rules.nearArrivalMinutes) return false;
  return rules.nearArrivalStatuses?.includes(request.status) ?? true;
}

/** Minutes to the destination; null when unknown. */
export function wholeMinutes(request: AssignedRequest | null): number | null {
  const minutes = request?.estimatedMinutes ?? null;
  return minutes === null ? null : Math.round(minutes);
}

function event(type: CrewEventType, vehicleId: string, at: Date): Pick<CrewEvent, 'id' | 'type' | 'at'> {
  return { id: `${vehicleId}.${type}.${at.getTime()}`, type, at };
}

/** km/h, rounded up as the old server does. */
export function roundedUpKmh(speedMps: number): number {
  return Math.ceil(speedMps * 3.6);
}

/** The mean of the previous average and the new speed. The first speed is the first average. */
export function nextAverageKmh(averageKmh: number | null, speedKmh: number): number {
  return averageKmh === null ? speedKmh : (averageKmh + speedKmh) / 2;
}
