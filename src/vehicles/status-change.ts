import type { Principal } from '../auth/index.js';
import { TIME_ORDERED_ID_BYTES, timeOrderedId, timeOrderedIdBounds } from '../database/index.js';
import { UNIT_STATUSES, type UnitStatus } from './unit-status.js';

/** Who said so: a user, or a device by its credential. */
export interface Actor {
  readonly kind: 'user' | 'device';
  /** 24 hexadecimal digits. */
  readonly id: string;
}

export interface StatusChange {
  readonly vehicleId: string;
  readonly status: UnitStatus;
  /** Since when, by the clock of whoever said it. */
  readonly at: Date;
  /** When this service took it in. */
  readonly recordedAt: Date;
  readonly by: Actor;
}

export function actorOf(principal: Principal): Actor {
  return principal.kind === 'user'
    ? { kind: 'user', id: principal.userId }
    : { kind: 'device', id: principal.credentialId };
}

const STATUS_OFFSET = TIME_ORDERED_ID_BYTES;
export const STATUS_CHANGE_ID_BYTES = STATUS_OFFSET + 1;

/**
 * A time-ordered id and one byte status. What was said twice has one id, so it is kept once, however often it is sent;
 * and the order of ids is the order in which a vehicle's changes count, the same whichever of them arrives first.
 */
export function statusChangeId({ vehicleId, at, status }: Omit<StatusChange, 'recordedAt' | 'by'>): Buffer {
  const id = timeOrderedId(vehicleId, at.getTime(), STATUS_CHANGE_ID_BYTES);
  id.writeUInt8(UNIT_STATUSES.indexOf(status), STATUS_OFFSET);
  return id;
}

/** Below and above every change of one vehicle. */
export const statusChangeIdBounds = (vehicleId: string): ReturnType<typeof timeOrderedIdBounds> =>
  timeOrderedIdBounds(vehicleId, STATUS_CHANGE_ID_BYTES);

/** Negative when `one` counts less than `other`, 0 when both say the same. */
export function compareStatusChanges(one: StatusChange, other: StatusChange): number {
  return Buffer.compare(statusChangeId(one), statusChangeId(other));
}
