import { Injectable } from '@nestjs/common';
import { Clock, distanceM, markerTimeMs, type Position, type PositionView } from '../../core/index.js';
import { type UnitStatus, VehiclesService, type VehicleView } from '../../vehicles/index.js';
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

interface Candidate {
  readonly position: Position;
  readonly distanceM: number;
  readonly ageS: number;
}

@Injectable()
export class NearestVehiclesService {
  constructor(
    private readonly vehicles: VehiclesService,
    private readonly latest: LatestPositions,
    private readonly clock: Clock,
  ) {}

  async find(query: NearestQuery): Promise<NearestAnswer> {
    const statuses = await this.vehicles.statuses();
    const nowMs = this.clock.nowMs();
    const excluded = { stale: 0, noPosition: 0, status: 0, clock: 0 };
    const candidates: Candidate[] = [];
    // An excluded vehicle counts for the first reason in this order: status, no position, clock, stale. So the last three
    // count vehicles that are available but cannot be located.
    for (const [id, status] of statuses) {
      const position = this.latest.of(id);
      if (status !== query.status) excluded.status += 1;
      else if (!position) excluded.noPosition += 1;
      else if (this.latest.clocksBehind.has(id)) excluded.clock += 1;
      else {
        const ageS = Math.max(0, nowMs - markerTimeMs(position)) / 1_000;
        if (ageS > query.maxAgeS) excluded.stale += 1;
        else candidates.push({ position, ageS, distanceM: distanceM(query, position) });
      }
    }
    candidates.sort((one, other) => one.distanceM - other.distanceM);
    return { items: await this.toNearVehicles(candidates.slice(0, query.limit)), excluded };
  }

  private async toNearVehicles(candidates: readonly Candidate[]): Promise<NearVehicle[]> {
    const positions = new Map(
      candidates.map(({ position }) => [position.vehicleId, this.latest.view(position)]),
    );
    const views = await this.vehicles.views(positions);
    return candidates.flatMap((candidate) => {
      const { vehicleId } = candidate.position;
      const [vehicle, position] = [views.get(vehicleId), positions.get(vehicleId)];
      // The vehicle was archived between the two reads.
      if (!vehicle || !position) return [];
      return [{ vehicle, position, distanceM: tenths(candidate.distanceM), ageS: tenths(candidate.ageS) }];
    });
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
