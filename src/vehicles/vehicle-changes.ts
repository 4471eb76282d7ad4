import { Injectable } from '@nestjs/common';
import { EventBus, type JsonOf } from '../core/index.js';
import { LastPositions } from './last-positions.js';
import { toVehicleView, type Vehicle, type VehicleView } from './vehicle.js';

export interface VehicleChange {
  readonly vehicle: VehicleView;
  /** Grows with every change of the vehicle. */
  readonly version: number;
  /** The vehicle was archived by this change and is not found any more. */
  readonly isArchived: boolean;
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
    this.events.publish('vehicle.changed', {
      vehicle: toVehicleView(vehicle, this.lastPositions.of(vehicle.id)),
      version: vehicle.version,
      isArchived: vehicle.archivedAt !== null,
    });
  }

  private isNew(id: string, version: number): boolean {
    if (version <= (this.versions.get(id) ?? 0)) return false;
    this.versions.set(id, version);
    return true;
  }

  private fromOtherInstance({ vehicle, version, isArchived }: JsonOf<VehicleChange>): VehicleChange | null {
    if (!this.isNew(vehicle.id, version)) return null;
    const { statusAt, createdAt, updatedAt, ...rest } = vehicle;
    const times = {
      statusAt: new Date(statusAt),
      createdAt: new Date(createdAt),
      updatedAt: new Date(updatedAt),
    };
    return {
      // The live marker of this instance can be newer.
      vehicle: { ...rest, ...times, lastPosition: this.lastPositions.of(vehicle.id) },
      version,
      isArchived,
    };
  }
}
