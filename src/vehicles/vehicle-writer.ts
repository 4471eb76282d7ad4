import { Injectable } from '@nestjs/common';
import { CachedVehicles } from './cached-vehicles.js';
import type { StatusChange } from './status-change.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import { VehicleChanges } from './vehicle-changes.js';
import { VehicleLists } from './vehicle-lists.js';
import { vehicleBusy } from './vehicle.errors.js';
import type { NewVehicle, Vehicle, VehicleUpdate } from './vehicle.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** An attempt fails only when another change succeeded. */
const MAX_ATTEMPTS = 20;

/**
 * The only way to change a vehicle: a write to the version that was read, one event, and one entry in the status
 * history. Vehicle and history are two writes, and a kill can happen between them. So the vehicle is written first and
 * holds its newest status change as a whole; before the next change replaces it, the writer inserts it into the history
 * again (its id makes that harmless). So the history lacks at most the newest change, and no change is lost.
 */
@Injectable()
export class VehicleWriter {
  constructor(
    private readonly vehicles: VehiclesRepository,
    private readonly cached: CachedVehicles,
    private readonly lists: VehicleLists,
    private readonly history: StatusChangesRepository,
    private readonly changes: VehicleChanges,
  ) {}

  /** @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken */
  async create(vehicle: NewVehicle, at: Date, by: StatusChange['by'], givenId?: string): Promise<Vehicle> {
    const created = await this.clearAfterError(this.vehicles.create(vehicle, at, by, givenId));
    await this.cached.forget(created.id);
    this.changes.publish(created);
    await this.history.insertOnce(created.lastStatus);
    return created;
  }

  /**
   * @param decide the update for the vehicle as read, or null for none; called again when another change came first
   * @throws what `decide` throws, vehicles/not-found, vehicles/busy, and the names that are taken
   */
  async change(id: string, decide: (vehicle: Vehicle) => VehicleUpdate | null): Promise<Vehicle> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const vehicle = await this.vehicles.getById(id);
      const update = decide(vehicle);
      if (update === null) return vehicle;
      if (update.lastStatus) await this.history.insertOnce(vehicle.lastStatus);
      const changed = await this.clearAfterError(
        this.vehicles.update(vehicle.id, vehicle.version, update),
      ).finally(() => this.cached.forget(vehicle.id));
      if (!changed) continue;
      this.changes.publish(changed);
      if (update.lastStatus) await this.history.insertOnce(update.lastStatus);
      return changed;
    }
    throw vehicleBusy();
  }

  /** A write that fails can have succeeded all the same, and no event of it follows. */
  private clearAfterError<T>(write: Promise<T>): Promise<T> {
    return write.catch((error: unknown) => {
      this.lists.clear();
      throw error;
    });
  }
}
