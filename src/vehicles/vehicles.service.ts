import { Injectable } from '@nestjs/common';
import { Clock, type PageRequest, type PositionView } from '../core/index.js';
import { CachedVehicles } from './cached-vehicles.js';
import { LastPositions } from './last-positions.js';
import type { Actor } from './status-change.js';
import type { UnitStatus } from './status-change.js';
import { newStatusChange } from './vehicle-status.service.js';
import { VehicleLists, type VehicleStatuses } from './vehicle-lists.js';
import { pageJson } from './vehicle-page.js';
import { toVehicleChange, type VehicleChange } from './vehicle-changes.js';
import { VehicleWriter } from './vehicle-writer.js';
import { vehicleNotFound, versionMismatch } from './vehicle.errors.js';
import {
  type NewVehicle,
  toVehicleView,
  type Vehicle,
  type VehicleUpdate,
  type VehicleView,
} from './vehicle.js';
import { type VehicleFilter, VehiclesRepository } from './vehicles.repository.js';
import { matchesIfMatch, vehicleEtag } from './vehicle-etag.js';

/** Fields that a user may change; a status takes effect now. */
type VehicleAlteration = Omit<VehicleUpdate, 'lastStatus' | 'archivedAt' | 'clockBehindSince'> & {
  readonly status?: UnitStatus;
};

/** The view of a vehicle and its ETag. */
export interface VehicleWithEtag {
  readonly view: VehicleView;
  readonly tag: string;
}

@Injectable()
export class VehiclesService {
  constructor(
    private readonly vehicles: VehiclesRepository,
    private readonly cached: CachedVehicles,
    private readonly lists: VehicleLists,
    private readonly writer: VehicleWriter,
    private readonly lastPositions: LastPositions,
    private readonly clock: Clock,
  ) {}

  /**
   * @param givenId the id of an adopted vehicle; default: a new id
   * @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken
   */
  async create(vehicle: NewVehicle, by: Actor, givenId?: string): Promise<VehicleWithEtag> {
    return this.withEtag(await this.writer.create(vehicle, new Date(this.clock.nowMs()), by, givenId));
  }

  /** @throws vehicles/not-found */
  async get(id: string): Promise<VehicleWithEtag> {
    const vehicle = await this.cached.getIncludingArchived(id);
    if (vehicle.archivedAt) throw vehicleNotFound();
    return this.withEtag(vehicle);
  }

  /** Vehicles that changed at or after this time, each once, in their current state. */
  async changedSince(at: Date): Promise<VehicleChange[]> {
    const found = await this.vehicles.listChangedSince(at);
    return found.map((vehicle) => toVehicleChange(vehicle, this.lastPositions.of(vehicle.id)));
  }

  /** Also finds archived vehicles, for their history. @throws vehicles/not-found */
  getIncludingArchived(id: string): Promise<Vehicle> {
    return this.cached.getIncludingArchived(id);
  }

  /**
   * Changes the given fields that differ. A status that equals the current one is no change, so a form may send all of
   * its fields.
   * @throws vehicles/not-found, vehicles/version-mismatch, vehicles/busy, and the names that are taken
   */
  async alter(
    id: string,
    alteration: VehicleAlteration,
    by: Actor,
    ifMatch?: string,
  ): Promise<VehicleWithEtag> {
    const { status, ...fields } = alteration;
    const changed = await this.writer.change(id, (vehicle) => {
      if (!matchesIfMatch(ifMatch, vehicle)) throw versionMismatch();
      const isOtherStatus = status !== undefined && status !== vehicle.lastStatus.status;
      const update: VehicleUpdate = {
        ...changedFields(fields, vehicle),
        ...(isOtherStatus && { lastStatus: newStatusChange(vehicle, { status }, this.clock.nowMs(), by) }),
      };
      return Object.keys(update).length > 0 ? update : null;
    });
    return this.withEtag(changed);
  }

  /** A page of the views of the vehicles in service, in the order of registration; JSON. */
  async list(page: PageRequest, filter: VehicleFilter = {}): Promise<string> {
    return pageJson(await this.lists.page(page, filter), this.lastPositions);
  }

  /** Views of the given vehicles that are in service, by id, with the given positions. */
  async views(positions: ReadonlyMap<string, PositionView>): Promise<ReadonlyMap<string, VehicleView>> {
    const found = await this.cached.findMany([...positions.keys()]);
    return new Map(
      found.map((vehicle) => [vehicle.id, toVehicleView(vehicle, positions.get(vehicle.id) ?? null)]),
    );
  }

  /**
   * Marks the clock of the vehicle's device as behind, or removes the mark with null. `vehicle.changed` shows it.
   * @throws vehicles/not-found, vehicles/busy
   */
  async setClockBehind(id: string, since: Date | null): Promise<void> {
    await this.writer.change(id, ({ clockBehindSince }) =>
      clockBehindSince?.getTime() === since?.getTime() ? null : { clockBehindSince: since },
    );
  }

  /** The vehicles in service whose device clock is behind, with the start of it; by id. */
  listClocksBehind(): Promise<ReadonlyMap<string, Date>> {
    return this.vehicles.listClocksBehind();
  }

  /** Another map when it was read from storage; until then the same one, changed in place. */
  statuses(): Promise<VehicleStatuses> {
    return this.lists.statuses();
  }

  /** Ids of vehicles in service by box code. */
  boxes(): Promise<ReadonlyMap<string, string>> {
    return this.vehicles.boxes();
  }

  /** Box codes by vehicle id, also of archived vehicles; null for a vehicle without one. */
  boxCodes(ids: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    return this.vehicles.findBoxCodes(ids);
  }

  /** Ids of the vehicles in service. */
  async listIds(): Promise<string[]> {
    return [...(await this.vehicles.statuses()).keys()];
  }

  /** All vehicles, also archived ones, in the order of registration. */
  listIncludingArchived(): Promise<Vehicle[]> {
    return this.vehicles.listIncludingArchived();
  }

  listIdsIncludingArchived(): Promise<string[]> {
    return this.vehicles.listIdsIncludingArchived();
  }

  private view(vehicle: Vehicle): VehicleView {
    return toVehicleView(vehicle, this.lastPositions.of(vehicle.id));
  }

  private withEtag(vehicle: Vehicle): VehicleWithEtag {
    const view = this.view(vehicle);
    return { view, tag: vehicleEtag(vehicle, view) };
  }
}

function changedFields(fields: VehicleUpdate, vehicle: Vehicle): VehicleUpdate {
  const now: Readonly<Record<string, unknown>> = { ...vehicle };
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== undefined && value !== now[name]),
  );
}
