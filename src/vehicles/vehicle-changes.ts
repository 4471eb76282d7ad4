import { Injectable } from '@nestjs/common';
import { EventBus, type JsonOf, type PositionView } from '../core/index.js';
import { LastPositions } from './last-positions.js';
import { toVehicleView, type Vehicle, type VehicleView } from './vehicle.js';

export interface VehicleChange {
  readonly vehicle: VehicleView;
  /** Grows with every change of the vehicle. */
  readonly version: number;
  /** The vehicle was archived by this change and is not found any more. */
  readonly isArchived: boolean;
  /** Since when the clock of the vehicle's device is behind; null: it is not. */
  readonly clockBehindSince: Date | null;
}

export function toVehicleChange(vehicle: Vehicle, lastPosition: PositionView | null): VehicleChange {
  return {
    vehicle: toVehicleView(vehicle, lastPosition),
    version: vehicle.version,
    isArchived: vehicle.archivedAt !== null,
    clockBehindSince: vehicle.clockBehindSince,
  };
}

declare module '../core/events/event-bus.js' {
  interface EventMap {
    /** A vehicle was registered, changed, got another status or was archived; it is durable. */
    'vehicle.changed': VehicleChange;
  }
}

/**
 * Publishes `vehicle.changed` in the order of the versions. A change that arrives after a newer one is left out: it
 * would undo the newer one on a screen.
 */
@Injectable()
export class VehicleChanges {
  private readonly versions = new Map<string, number>();

  constructor(
    private readonly lastPositions: LastPositions,
    private readonly events: EventBus,
  ) {
    events.share('vehicle.changed', {
      fromJson: (change: JsonOf<VehicleChange>) => this.fromOtherInstance(change),
    });
  }

  publish(vehicle: Vehicle): void {
    if (!this.isNew(vehicle.id, vehicle.version)) return;
    this.events.publish('vehicle.changed', toVehicleChange(vehicle, this.lastPositions.of(vehicle.id)));
  }

  private isNew(id: string, version: number): boolean {
    if (version <= (this.versions.get(id) ?? 0)) return false;
    this.versions.set(id, version);
    return true;
  }

  private fromOtherInstance(change: JsonOf<VehicleChange>): VehicleChange | null {
    const { vehicle, version, isArchived } = change;
    const clockBehindSince = change.clockBehindSince === null ? null : new Date(change.clockBehindSince);
    if (!this.isNew(vehicle.id, version)) return null;
    const { statusAt, createdAt, updatedAt, ...rest } = vehicle;
    const times = {
      statusAt: new Date(statusAt),
      createdAt: new Date(createdAt),
      updatedAt: new Date(updatedAt),
    };
    return {
      // The live marker of this instance can be newer, and the mark of the clock older.
      vehicle: {
        ...rest,
        ...times,
        lastPosition: withClock(this.lastPositions.of(vehicle.id), clockBehindSince !== null),
      },
      version,
      isArchived,
      clockBehindSince,
    };
  }
}

function withClock(position: PositionView | null, isBehind: boolean): PositionView | null {
  if (position === null) return null;
  const { clock: _clock, ...rest } = position;
  return isBehind ? { ...rest, clock: 'behind' } : rest;
}
