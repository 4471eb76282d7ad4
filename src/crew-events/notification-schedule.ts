import type { Notification, SendChange } from './crew-events.repository.js';

const MIN_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;

/** After so many attempts; doubles each time. */
export function backoffMs(attempts: number): number {
  return Math.min(MAX_BACKOFF_MS, MIN_BACKOFF_MS * 2 ** Math.max(0, attempts - 1));
}

/**
 * Which of them to send now: of each vehicle the first alone, so that a panel never hears "below" before "above".
 * @param waiting in the order of recording
 */
export function dueNotifications(waiting: readonly Notification[], nowMs: number): Notification[] {
  const firsts = new Map<string, Notification>();
  for (const each of waiting) if (!firsts.has(each.vehicleId)) firsts.set(each.vehicleId, each);
  return [...firsts.values()].filter(({ nextAttemptAt }) => nextAttemptAt.getTime() <= nowMs);
}

/**
 * Written before it is sent: if this process ends meanwhile, whoever is next waits until nobody can be sending it any
 * more.
 */
export function claimAttempt(
  { attempts }: Notification,
  nowMs: number,
  timeoutMs: number,
): Required<Pick<SendChange, 'attempts' | 'nextAttemptAt'>> {
  const next = attempts + 1;
  return { attempts: next, nextAttemptAt: new Date(nowMs + timeoutMs + backoffMs(next)) };
}

/** @param failure null: the panel has taken it */
export function outcome(
  { attempts, giveUpAt }: Notification,
  failure: string | null,
  nowMs: number,
): SendChange {
  if (failure === null) return { sendState: 'sent', sentAt: new Date(nowMs), failure: null };
  if (nowMs >= giveUpAt.getTime()) return { sendState: 'dead', failure };
  return { failure, nextAttemptAt: new Date(nowMs + backoffMs(attempts)) };
}
