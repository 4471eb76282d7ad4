import type { LegacyRoom } from '../../config/index.js';

const VEHICLE = /^[0-9a-f]{24}$/;
const CRASH_NOTIFY = /^CRASH_NOTIFY_[0-9a-f]{24}$/;
/** `CRASH_NOTIFY_` and an id have 37 characters, and two quotes that are removed. */
const MAX_ROOM_NAME_LENGTH = 64;

/** The name of a room as it was asked for, without quotes; null for what cannot be one. */
export function roomNameOf(given: unknown): string | null {
  // Several arguments come as a list, of which the old server read the first.
  const name: unknown = Array.isArray(given) ? given[0] : given;
  if (typeof name !== 'string' || name.length > MAX_ROOM_NAME_LENGTH) return null;
  return name.replace(/["']/g, '');
}

/** What a room of this name is for; null: nothing is ever sent there. */
export function kindOfRoom(name: string): LegacyRoom | null {
  if (name === 'tracking' || name === 'snap' || name === 'crash') return name;
  if (VEHICLE.test(name)) return 'vehicle';
  return CRASH_NOTIFY.test(name) ? 'crash_notify' : null;
}

export const crashNotifyRoom = (vehicleId: string): string => `CRASH_NOTIFY_${vehicleId}`;
