import { Injectable } from '@nestjs/common';
import { EventBus } from '../../core/index.js';
import { LatestPositions } from './latest-positions.js';

/** Removes the live marker of an archived vehicle; its history stays. */
@Injectable()
export class ArchivedVehicleRemover {
  constructor(events: EventBus, latest: LatestPositions) {
    events.subscribe('vehicle.changed', ({ vehicle, isArchived }) => {
      if (isArchived) latest.remove(vehicle.id);
    });
  }
}
