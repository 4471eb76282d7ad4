import { type ApiClient, ApiError } from '../../tools/client/index.js';
import type { ComparedItem } from './compared-item.js';

export type SpeedNotification = 'SPEED_ABOVE_80' | 'SPEED_BELOW_80' | 'SPEED_ABOVE_120' | 'SPEED_BELOW_120';

export interface TimedSpeed {
  /** Epoch milliseconds. */
  readonly atMs: number;
  /** Kilometres an hour, not rounded. */
  readonly kmh: number;
}

const STATES = ['waiting', 'sent', 'dead', 'kept', 'shadow'];
/** Notifications of the range that are held. More than a busy fleet has in a month. */
const MAX_NOTIFICATIONS = 200_000;

/**
 * What the old server sends for a position: the speed now, not rounded, against the stored one, which is rounded up. At most
 * one, also across both limits.
 */
export function speedNotificationOf(kmh: number, previousKmh: number): SpeedNotification | null {
  const stored = previousKmh <= 1 ? 0 : Math.ceil(previousKmh);
  if (kmh > 120) return stored <= 120 ? 'SPEED_ABOVE_120' : null;
  if (kmh > 80) return stored > 120 ? 'SPEED_BELOW_120' : stored <= 80 ? 'SPEED_ABOVE_80' : null;
  return stored > 80 ? 'SPEED_BELOW_80' : null;
}

/**
 * The speed notifications of the old server, from its histories: it keeps no record of what it sends. Given in slices, each
 * older than the one before. Online, offline and near arrival depend on the memory of its process and are not derived.
 */
export class OldNotifications {
  /** First speed of the slice before, by box. */
  private readonly later = new Map<string, TimedSpeed>();

  /** @param speeds of one slice, in any order */
  *of(box: string, speeds: readonly TimedSpeed[]): Generator<ComparedItem> {
    const sorted = [...speeds].sort((a, b) => a.atMs - b.atMs);
    const [first] = sorted;
    if (!first) return;
    const later = this.later.get(box);
    const chain = later ? [...sorted, later] : sorted;
    this.later.set(box, first);
    for (const [index, { atMs, kmh }] of chain.entries()) {
      const previous = chain[index - 1];
      const type = previous ? speedNotificationOf(kmh, previous.kmh) : null;
      if (type) yield notificationItem(box, atMs, type);
    }
  }
}

/** The speed notifications that Samserver has recorded for the panel, whatever became of them. */
export async function samserverNotifications(
  api: ApiClient,
  boxOf: ReadonlyMap<string, string>,
  fromMs: number,
  toMs: number,
): Promise<ComparedItem[]> {
  const items: ComparedItem[] = [];
  for (const state of STATES)
    try {
      for await (const { vehicleId, type, at } of api.notifications(state)) {
        const box = boxOf.get(vehicleId);
        const atMs = Date.parse(at);
        if (box === undefined || !type.startsWith('speed_') || atMs < fromMs || atMs >= toMs) continue;
        if (items.length < MAX_NOTIFICATIONS) items.push(notificationItem(box, atMs, type.toUpperCase()));
      }
    } catch (error) {
      // A release that does not have this state.
      if (!(error instanceof ApiError && error.status === 400)) throw error;
    }
  return items;
}

function notificationItem(box: string, atMs: number, type: string): ComparedItem {
  return { kind: 'notification', box, atMs, keys: [type], fields: {} };
}
