import type { PositionView } from '../core/index.js';
import type { StatusChange } from './status-change.js';
import type { UnitStatus } from './status-change.js';

export const VEHICLE_TYPES = ['bls', 'als', 'micu', 'rescue', 'patient_transport', 'other'] as const;
export type VehicleType = (typeof VEHICLE_TYPES)[number];

export interface Vehicle {
  /** 24 hexadecimal digits. */
  readonly id: string;
  readonly callSign: string;
  readonly registration: string;
  readonly type: VehicleType;
  /** The newest status change by its own time; holds the vehicle's status. */
  readonly lastStatus: StatusChange;
  /** Name that the vehicle's old tracking box sends. */
  readonly boxCode: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly archivedAt: Date | null;
  /** Since when the vehicle reports while its newest fix time stands still; null: it does not. */
  readonly clockBehindSince: Date | null;
  /** Grows with every change, from 1. */
  readonly version: number;
}

export interface NewVehicle {
  readonly callSign: string;
  readonly registration: string;
  readonly type: VehicleType;
  readonly status: UnitStatus;
  readonly boxCode?: string | null;
}

/** Fields of a vehicle to change; an absent field stays. */
export interface VehicleUpdate {
  readonly callSign?: string;
  readonly registration?: string;
  readonly type?: VehicleType;
  readonly boxCode?: string | null;
  readonly lastStatus?: StatusChange;
  /** Archives the vehicle for ever and frees its names. */
  readonly archivedAt?: Date;
  readonly clockBehindSince?: Date | null;
}

/** A vehicle as the API shows it, with its last position. */
export interface VehicleView {
  readonly id: string;
  readonly callSign: string;
  readonly registration: string;
  readonly type: VehicleType;
  readonly status: UnitStatus;
  readonly statusAt: Date;
  readonly boxCode: string | null;
  readonly lastPosition: PositionView | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export function toVehicleView(vehicle: Vehicle, lastPosition: PositionView | null): VehicleView {
  const { lastStatus, archivedAt: _archived, clockBehindSince: _clock, version: _version, ...rest } = vehicle;
  return { ...rest, status: lastStatus.status, statusAt: lastStatus.at, lastPosition };
}
