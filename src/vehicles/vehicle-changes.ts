import { Injectable } from '@nestjs/common';
import { EventBus } from '../core/index.js';
import { LastPositions } from './last-positions.js';
import { toVehicleView, type Vehicle, type VehicleView } from './vehicle.js';

export interface VehicleChange {
  readonly vehicle: VehicleView;
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
  ) {}

  publish(vehicle: Vehicle): void {
    if (vehicle.version <= (this.versions.get(vehicle.id) ?? 0)) return;
    this.versions.set(vehicle.id, vehicle.version);
    this.events.publish('vehicle.changed', {
      vehicle: toVehicleView(vehicle, this.lastPositions.of(vehicle.id)),
      isArchived: vehicle.archivedAt !== null,
    });
  }
}
