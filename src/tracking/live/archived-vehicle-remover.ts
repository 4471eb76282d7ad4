import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { VehicleChanges } from '../../vehicles/index.js';
import { LatestPositions } from './latest-positions.js';

/** An archived vehicle leaves the board; its history stays. */
@Injectable()
export class ArchivedVehicleRemover implements OnModuleInit, OnApplicationShutdown {
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly changes: VehicleChanges,
    private readonly latest: LatestPositions,
  ) {}

  onModuleInit(): void {
    this.stopListening = this.changes.subscribe(({ vehicle, isArchived }) => {
      if (isArchived) this.latest.remove(vehicle.id);
    });
  }

  onApplicationShutdown(): void {
    this.stopListening();
  }
}
