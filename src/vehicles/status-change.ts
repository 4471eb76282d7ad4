import type { Principal } from '../auth/index.js';
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

export const STATUS_CHANGE_ID_BYTES = 21;
const TIME_OFFSET = 12;
const STATUS_OFFSET = 20;
const SIGN_BIT = 1n << 63n;

/**
 * 12 bytes vehicle, 8 bytes big-endian milliseconds (sign bit flipped, so that times before 1970 sort first), one byte
 * status. What was said twice has one id, so it is kept once, however often it is sent; and the order of ids is the
 * order in which a vehicle's changes count, the same whichever of them arrives first.
 */
export function statusChangeId({ vehicleId, at, status }: Omit<StatusChange, 'recordedAt' | 'by'>): Buffer {
  const id = Buffer.alloc(STATUS_CHANGE_ID_BYTES);
  id.write(vehicleId, 0, 'hex');
  id.writeBigUInt64BE(BigInt(at.getTime()) + SIGN_BIT, TIME_OFFSET);
  id.writeUInt8(UNIT_STATUSES.indexOf(status), STATUS_OFFSET);
  return id;
}

/** Below and above every change of one vehicle. */
export function statusChangeIdBounds(vehicleId: string): {
  readonly lowest: Buffer;
  readonly highest: Buffer;
} {
  const lowest = Buffer.alloc(STATUS_CHANGE_ID_BYTES, 0x00);
  const highest = Buffer.alloc(STATUS_CHANGE_ID_BYTES, 0xff);
  lowest.write(vehicleId, 0, 'hex');
  highest.write(vehicleId, 0, 'hex');
  return { lowest, highest };
}

/** Negative when `one` counts less than `other`, 0 when both say the same. */
export function compareStatusChanges(one: StatusChange, other: StatusChange): number {
  return Buffer.compare(statusChangeId(one), statusChangeId(other));
}
