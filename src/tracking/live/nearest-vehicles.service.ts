import { Injectable } from '@nestjs/common';
import {
  Clock,
  distanceM,
  EventBus,
  type LatLon,
  markerTimeMs,
  type Position,
  type PositionView,
} from '../../core/index.js';
import {
  type UnitStatus,
  VehiclesService,
  type VehicleStatuses,
  type VehicleView,
} from '../../vehicles/index.js';
import { LatestPositions } from './latest-positions.js';

interface NearestQuery {
  readonly lat: number;
  readonly lon: number;
  readonly status: UnitStatus;
  readonly limit: number;
  readonly maxAgeS: number;
}

interface NearVehicle {
  readonly vehicle: VehicleView;
  readonly position: PositionView;
  readonly distanceM: number;
  readonly ageS: number;
}

export interface NearestAnswer {
  /** Nearest first. */
  readonly items: readonly NearVehicle[];
  readonly excluded: {
    readonly stale: number;
    readonly noPosition: number;
    readonly status: number;
    readonly clock: number;
  };
}

@Injectable()
export class NearestVehiclesService {
  /** The statuses that the table of markers has. */
  private known: VehicleStatuses | null = null;
  /** The vehicles that changed since then. */
  private readonly changed = new Set<string>();

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly latest: LatestPositions,
    private readonly clock: Clock,
    events: EventBus,
  ) {
    events.subscribe('vehicle.changed', ({ vehicle }) => void this.changed.add(vehicle.id));
  }

  async find(query: NearestQuery): Promise<NearestAnswer> {
    this.useStatuses(await this.vehicles.statuses());
    const { status, limit, maxAgeS } = query;
    const nowMs = this.clock.nowMs();
    // An excluded vehicle counts for the first reason in this order: status, no position, clock, stale. So the last three
    // count vehicles that are available but cannot be located.
    const found = this.latest.search.nearest(status, query, limit, nowMs - maxAgeS * 1_000);
    const { noPosition, clock, stale } = found;
    return {
      items: await this.toNearVehicles(query, found.positions, nowMs),
      excluded: { noPosition, clock, stale, status: found.status },
    };
  }

  /** @param statuses changed in place until it is read from storage again, which gives another one */
  private useStatuses(statuses: VehicleStatuses): void {
    const { search } = this.latest;
    if (this.known === statuses)
      for (const id of this.changed) search.setStatus(id, statuses.get(id)?.status ?? null);
    else {
      search.clearStatuses();
      for (const [id, { status }] of statuses) search.setStatus(id, status);
    }
    this.known = statuses;
    this.changed.clear();
  }

  private async toNearVehicles(
    from: LatLon,
    found: readonly Position[],
    nowMs: number,
  ): Promise<NearVehicle[]> {
    const positions = new Map(found.map((position) => [position.vehicleId, this.latest.view(position)]));
    const views = await this.vehicles.views(positions);
    return found.flatMap((each) => {
      const [vehicle, position] = [views.get(each.vehicleId), positions.get(each.vehicleId)];
      // The vehicle was archived between the two reads.
      if (!vehicle || !position) return [];
      const ageS = Math.max(0, nowMs - markerTimeMs(each)) / 1_000;
      return [{ vehicle, position, distanceM: tenths(distanceM(from, each)), ageS: tenths(ageS) }];
    });
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
