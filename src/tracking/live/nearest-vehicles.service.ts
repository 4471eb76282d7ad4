import { Injectable } from '@nestjs/common';
import {
  Clock,
  distanceM,
  type LatLon,
  markerTimeMs,
  type Position,
  type PositionView,
} from '../../core/index.js';
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

/** The rows of the vehicles of each status in the table of markers. */
interface RowsByStatus {
  readonly statuses: ReadonlyMap<string, UnitStatus>;
  readonly rows: ReadonlyMap<UnitStatus, readonly number[]>;
}

@Injectable()
export class NearestVehiclesService {
  private byStatus: RowsByStatus | null = null;

  constructor(
    private readonly vehicles: VehiclesService,
    private readonly latest: LatestPositions,
    private readonly clock: Clock,
  ) {}

  async find(query: NearestQuery): Promise<NearestAnswer> {
    const statuses = await this.vehicles.statuses();
    const rows = this.rowsOf(statuses, query.status);
    const nowMs = this.clock.nowMs();
    const oldestMs = nowMs - query.maxAgeS * 1_000;
    // An excluded vehicle counts for the first reason in this order: status, no position, clock, stale. So the last three
    // count vehicles that are available but cannot be located.
    const { positions, ...excluded } = this.latest.search.nearest(rows, query, query.limit, oldestMs);
    return {
      items: await this.toNearVehicles(query, positions, nowMs),
      excluded: { ...excluded, status: statuses.size - rows.length },
    };
  }

  /** @param statuses the same map as long as no status changed */
  private rowsOf(statuses: ReadonlyMap<string, UnitStatus>, status: UnitStatus): readonly number[] {
    if (this.byStatus?.statuses !== statuses) {
      const rows = new Map<UnitStatus, number[]>();
      for (const [id, each] of statuses) {
        const known = rows.get(each);
        if (known) known.push(this.latest.search.rowOf(id));
        else rows.set(each, [this.latest.search.rowOf(id)]);
      }
      this.byStatus = { statuses, rows };
    }
    return this.byStatus.rows.get(status) ?? [];
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
