/** The notifications for the operators' API: sent once, without a time limit, whatever the answer is. */
import { request } from 'node:http';
import { clearTimeout, setTimeout } from 'node:timers';

const { OLD_NOTIFICATION_URL, OLD_OFFLINE_AFTER_MS = '60000' } = process.env;
const NEAR_MINUTES = 10;
const NEAR_STATUSES = ['COME_BACK_TO_BASE_HOSPITAL', 'ARRIVAL_AT_BASE_HOSPITAL'];

/** Ambulance id → what this process has seen of it. Never cleared. */
const seen = new Map();

function send(ambulance, open, type) {
  if (!OLD_NOTIFICATION_URL) return;
  const body = { aoc_request_id: open?._id ?? '', ambulance_id: ambulance._id, notification_type: type };
  const call = request(OLD_NOTIFICATION_URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
  });
  call.on('response', (answer) => answer.resume());
  call.on('error', () => undefined);
  call.end(JSON.stringify(body));
}

/**
 * What a position of a vehicle with a document causes.
 * @param storedKmh `speed` of its document, rounded up
 * @param minutes 0: unknown, which counts as near
 */
export function notifyOf(ambulance, open, { kmh, storedKmh, minutes }) {
  const id = String(ambulance._id);
  const state = seen.get(id) ?? { isNear: false, timer: null };
  // It is sent at the first position after the process started, and never again after an OFFLINE.
  if (!seen.has(id)) send(ambulance, open, 'AMBULANCE_TRACKING_STATUS_ONLINE');
  clearTimeout(state.timer);
  state.timer = setTimeout(
    () => send(ambulance, open, 'AMBULANCE_TRACKING_STATUS_OFFLINE'),
    Number(OLD_OFFLINE_AFTER_MS),
  );
  seen.set(id, state);
  const speedType = speedTypeOf(kmh, storedKmh);
  if (speedType) send(ambulance, open, speedType);
  if (!state.isNear && NEAR_STATUSES.includes(open?.request_status) && minutes <= NEAR_MINUTES) {
    state.isNear = true;
    send(ambulance, open, 'AMBULACNE_NEAR_ABOUT_SCENE');
  }
}

/** By the speed now, not rounded, against the stored one. One type at most, also across both limits. */
function speedTypeOf(kmh, storedKmh) {
  if (kmh > 120) return storedKmh <= 120 ? 'SPEED_ABOVE_120' : null;
  if (kmh > 80) return storedKmh > 120 ? 'SPEED_BELOW_120' : storedKmh <= 80 ? 'SPEED_ABOVE_80' : null;
  return storedKmh > 80 ? 'SPEED_BELOW_80' : null;
}
