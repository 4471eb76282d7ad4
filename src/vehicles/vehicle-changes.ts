import { Injectable } from '@nestjs/common';
import { LastPositions } from './last-positions.js';
import { toVehicleView, type Vehicle, type VehicleView } from './vehicle.js';

export interface VehicleChange {
  readonly vehicle: VehicleView;
  /** It left service with this change and is not found any more. */
  readonly isArchived: boolean;
}

export type VehicleListener = (change: VehicleChange) => void;

/**
 * `vehicle.changed`: registered, altered, another status, archived; durable already. In the order of the changes: one
 * that is told after a newer one would undo it on a screen, and is left out.
 */
@Injectable()
export class VehicleChanges {
  private readonly listeners = new Set<VehicleListener>();
  private readonly versions = new Map<string, number>();

  constructor(private readonly lastPositions: LastPositions) {}

  /** @returns how to stop listening */
  subscribe(listener: VehicleListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  publish(vehicle: Vehicle): void {
    if (vehicle.version <= (this.versions.get(vehicle.id) ?? 0)) return;
    this.versions.set(vehicle.id, vehicle.version);
    const change = {
      vehicle: toVehicleView(vehicle, this.lastPositions.of(vehicle.id)),
      isArchived: vehicle.archivedAt !== null,
    };
    for (const listener of this.listeners) listener(change);
  }
}
