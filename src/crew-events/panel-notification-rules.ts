import { markerTimeMs } from '../core/index.js';
import type { CrewEventType } from './crew-event.js';
import {
  type AssignedRequest,
  type CrewEvent,
  type CrewEventRules,
  type CrewPosition,
  type CrewVehicleState,
  isBacklog,
  type PanelVehicleState,
  rememberRequest,
  wholeMinutes,
} from './crew-event-rules.js';

/** A vehicle's document in `ambulance_trackings`. */
export interface StoredTracking {
  /** `speed`, km/h. */
  readonly speedKmh: number;
  /** Time of its last position, epoch milliseconds. */
  readonly atMs: number;
}

/** What a position is compared with. */
export interface PanelRuleContext {
  /** The vehicle's state before the position; null: its first position here. */
  readonly before: CrewVehicleState | null;
  /**
   * The document that the old server left, for a vehicle whose earlier positions it has got: one without a
   * `PanelVehicleState`, or with one in shadow. null without a document.
   */
  readonly stored: StoredTracking | null;
  /** The old server has got the position too and has notified of it. */
  readonly isShadow: boolean;
  readonly request: AssignedRequest | null;
  readonly rules: CrewEventRules;
}

interface PanelRuleResult {
  readonly panel: PanelVehicleState;
  readonly notifications: readonly CrewEvent[];
}

/** km/h as the old server stored them: rounded up, and 0 up to 1 km/h. */
export function storedSpeedKmh(speedMps: number): number {
  const kmh = speedMps * 3.6;
  return kmh <= 1 ? 0 : Math.ceil(kmh);
}

/**
 * The old server's speed rule: the momentary speed against the stored one, one notification at most. A limit itself is not
 * above the limit.
 * @param storedKmh see `storedSpeedKmh`
 */
export function speedNotification(
  kmh: number,
  storedKmh: number,
  [orange, red]: CrewEventRules['speedLimitsKmh'],
): CrewEventType | null {
  if (kmh > red) return storedKmh <= red ? 'speed_above_120' : null;
  if (kmh <= orange) return storedKmh > orange ? 'speed_below_80' : null;
  if (storedKmh > red) return 'speed_below_120';
  return storedKmh <= orange ? 'speed_above_80' : null;
}

/**
 * Applies the old server's rules for notifications to one position: online, then speed, then near arrival. The result
 * depends on the arguments only. A position that was applied before gives no notification.
 */
export function applyPanelRules(
  position: CrewPosition,
  { before, stored, isShadow, request, rules }: PanelRuleContext,
): PanelRuleResult {
  const { vehicleId, lat, lon, speedMps, receivedAtMs } = position;
  const markerMs = markerTimeMs(position);
  const isOld = isBacklog(position, rules);
  const known = before?.panel;
  let { speedKmh, onlineSinceMs, nearRequestIds } = known ?? startOf(stored, markerMs, rules);
  // The old server has ended, and had got positions that this service has missed.
  const isContinued = known?.isShadow === true && !isShadow && stored !== null;
  if (isContinued && stored.atMs < markerMs && stored.atMs > (before?.shownMs ?? -Infinity))
    speedKmh = stored.speedKmh;
  const notifications: CrewEvent[] = [];
  const averageKmh = before?.averageKmh ?? null;
  const requestId = request?.requestId ?? null;
  const notify = (
    type: CrewEventType,
    atMs: number,
    subject: number | string = atMs,
    minutesLeft: number | null = null,
  ): void => {
    const id = notificationId(vehicleId, type, subject);
    const at = new Date(atMs);
    notifications.push({ id, vehicleId, type, at, lat, lon, averageKmh, requestId, minutesLeft });
  };

  // A position that was received before the leaders' run, and one of a backlog, do not show that the vehicle is online now.
  const { listeningSinceMs } = rules;
  if (onlineSinceMs !== listeningSinceMs && receivedAtMs >= listeningSinceMs && !isOld) {
    onlineSinceMs = listeningSinceMs;
    notify('online', receivedAtMs);
  }
  if (markerMs > (before?.shownMs ?? -Infinity)) {
    if (speedMps !== undefined) {
      const type =
        speedKmh === null ? null : speedNotification(speedMps * 3.6, speedKmh, rules.speedLimitsKmh);
      if (type) notify(type, markerMs);
      speedKmh = storedSpeedKmh(speedMps);
    }
    // The time left is computed for now, so it does not fit a place of the past.
    if (request && !isOld && isNear(request, rules) && !nearRequestIds.includes(request.requestId)) {
      nearRequestIds = rememberRequest(nearRequestIds, request.requestId);
      notify('near_arrival', markerMs, request.requestId, wholeMinutes(request));
    }
  }
  const panel = { speedKmh, onlineSinceMs, nearRequestIds, ...(isShadow && { isShadow }) };
  return { panel, notifications };
}

/** The notifications of a silence, which both sets of rules find in the same way. @param events of Samserver's rules */
export function silenceNotifications(events: readonly CrewEvent[]): CrewEvent[] {
  return events
    .filter(({ type }) => type === 'offline')
    .map((event) => {
      const subject = event.id.slice(`${event.vehicleId}.${event.type}.`.length);
      return { ...event, id: notificationId(event.vehicleId, event.type, subject) };
    });
}

/**
 * The old server notified of vehicles with a document only. Its first position here is compared with the document of an
 * earlier server; without one it makes the vehicle known and gives no notification.
 */
function startOf(
  stored: StoredTracking | null,
  markerMs: number,
  { listeningSinceMs }: CrewEventRules,
): PanelVehicleState {
  if (!stored || stored.atMs >= markerMs)
    return { speedKmh: null, onlineSinceMs: listeningSinceMs, nearRequestIds: [] };
  return { speedKmh: stored.speedKmh, onlineSinceMs: null, nearRequestIds: [] };
}

/** As in the old server, an unknown time counts as 0 minutes. */
function isNear({ status, estimatedMinutes }: AssignedRequest, rules: CrewEventRules): boolean {
  return rules.panelNearStatuses.includes(status) && (estimatedMinutes ?? 0) <= rules.nearArrivalMinutes;
}

/** Another id than that of the crew event with the same subject; in small letters, like every id in a URL. */
function notificationId(vehicleId: string, type: CrewEventType, subject: number | string): string {
  return `${vehicleId}.panel.${type}.${subject}`;
}
