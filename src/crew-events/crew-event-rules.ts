import type { CrewEventType, CrewEventView } from '../gateway/index.js';
import { markerTimeMs, type Position } from '../core/index.js';
import { nextAverageKmh, roundedUpKmh } from '../legacy/shared-collections/index.js';

/** What is remembered of a vehicle. Times are epoch milliseconds. */
export interface CrewVehicleState {
  readonly isOnline: boolean;
  /** When its newest position came in, by our clock. */
  readonly heardMs: number;
  /** Of the newest position that was looked at: min(time, receivedAt), as the marker goes. */
  readonly shownMs: number;
  readonly averageKmh: number | null;
  /** How many of the speed limits the average is over. */
  readonly limitsExceeded: number;
  /** Requests whose near arrival was said, the newest last. */
  readonly nearRequestIds: readonly string[];
  readonly lat: number;
  readonly lon: number;
}

export interface CrewEventRules {
  readonly offlineAfterMs: number;
  /** Of the average speed, rising. */
  readonly speedLimitsKmh: readonly [orange: number, red: number];
  readonly nearArrivalMinutes: number;
  /** null: every status of an open request. */
  readonly nearArrivalStatuses: readonly string[] | null;
  /** From then on somebody has listened without a break: a detectSilence before it may have been ours. */
  readonly listeningSinceMs: number;
}

/** The open request that a vehicle is on. */
export interface AssignedRequest {
  readonly requestId: string;
  readonly status: string;
  readonly estimatedMinutes: number | null;
}

export interface CrewEvent extends Omit<CrewEventView, 'at'> {
  readonly at: Date;
}

export interface CrewRuleResult {
  readonly memory: CrewVehicleState;
  readonly events: readonly CrewEvent[];
}

const ABOVE: readonly CrewEventType[] = ['speed_above_80', 'speed_above_120'];
const BELOW: readonly CrewEventType[] = ['speed_below_80', 'speed_below_120'];
/** A vehicle is on one request at a time; the few before it are for other programs that change their minds. */
const REQUESTS_REMEMBERED = 20;

/**
 * The old server's rules, one position after the other: each gives the same events whoever looks, and a position that was
 * looked at already gives none.
 * @param memory null: the vehicle is new here. It is taken for online, since nobody has missed it
 */
export function applyPosition(
  memory: CrewVehicleState | null,
  position: Position,
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
  let place = { lat: memory.lat, lon: memory.lon };

  if (receivedAtMs > heardMs) {
    // The detectSilence may have begun and ended while a new owner was looked for.
    const silent = detectSilence(vehicleId, memory, receivedAtMs, rules, request);
    if (silent) events.push(...silent.events);
    const at = new Date(receivedAtMs);
    if (!isOnline || silent)
      events.push({ ...about, ...event('online', vehicleId, at), lat, lon, averageKmh });
    isOnline = true;
    heardMs = receivedAtMs;
  }

  const markerMs = markerTimeMs(position);
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
    if (request && isNear(request, rules) && !nearRequestIds.includes(request.requestId)) {
      nearRequestIds = [...nearRequestIds, request.requestId].slice(-REQUESTS_REMEMBERED);
      const { requestId, estimatedMinutes: minutesLeft } = request;
      const id = `${vehicleId}.near_arrival.${requestId}`;
      events.push({ id, vehicleId, type: 'near_arrival', at, ...place, averageKmh, requestId, minutesLeft });
    }
  }
  return {
    memory: { isOnline, heardMs, shownMs, averageKmh, limitsExceeded, nearRequestIds, ...place },
    events,
  };
}

/** What it is when nothing has come until now; null: nothing new. */
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
    // By the position before it: of one detectSilence there is one, whoever notices it and when.
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

/** Each limit that lies between, in the order in which it was passed. */
function crossings(before: number, after: number): readonly CrewEventType[] {
  return after > before ? ABOVE.slice(before, after) : BELOW.slice(after, before).reverse();
}

function isNear({ status, estimatedMinutes }: AssignedRequest, rules: CrewEventRules): boolean {
  if (estimatedMinutes === null || estimatedMinutes >= rules.nearArrivalMinutes) return false;
  return rules.nearArrivalStatuses?.includes(status) ?? true;
}

function event(type: CrewEventType, vehicleId: string, at: Date): Pick<CrewEvent, 'id' | 'type' | 'at'> {
  return { id: `${vehicleId}.${type}.${at.getTime()}`, type, at };
}
