import type { Principal } from '../auth/index.js';
import { TIME_ORDERED_ID_BYTES, timeOrderedId, timeOrderedIdBounds } from '../database/index.js';

/** Append only: the index of a status is part of stored ids (see `statusChangeId`). */
export const UNIT_STATUSES = [
  'available',
  'dispatched',
  'on_scene',
  'transporting',
  'at_hospital',
  'out_of_service',
] as const;
export type UnitStatus = (typeof UNIT_STATUSES)[number];

/** The source of a status change: a user, or a device by its credential. */
export interface Actor {
  readonly kind: 'user' | 'device';
  /** 24 hexadecimal digits. */
  readonly id: string;
}

export interface StatusChange {
  readonly vehicleId: string;
  readonly status: UnitStatus;
  /** Start of the status, by the clock of the source. */
  readonly at: Date;
  /** Arrival at this service. */
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
 * A time-ordered id and one byte status. A change that is sent twice has one id, so it is stored once. The order of ids is
 * the order in which changes take effect, independent of the order of arrival.
 */
export function statusChangeId({ vehicleId, at, status }: Omit<StatusChange, 'recordedAt' | 'by'>): Buffer {
  const id = timeOrderedId(vehicleId, at.getTime(), STATUS_CHANGE_ID_BYTES);
  id.writeUInt8(UNIT_STATUSES.indexOf(status), STATUS_OFFSET);
  return id;
}

/** Ids below and above all changes of one vehicle. */
export const statusChangeIdBounds = (vehicleId: string): ReturnType<typeof timeOrderedIdBounds> =>
  timeOrderedIdBounds(vehicleId, STATUS_CHANGE_ID_BYTES);

/** Negative when `other` takes precedence over `one`, 0 when both are the same change. */
export function compareStatusChanges(one: StatusChange, other: StatusChange): number {
  return Buffer.compare(statusChangeId(one), statusChangeId(other));
}
