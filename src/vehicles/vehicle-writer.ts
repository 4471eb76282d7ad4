import { Injectable } from '@nestjs/common';
import type { StatusChange } from './status-change.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import { VehicleChanges } from './vehicle-changes.js';
import { vehicleBusy } from './vehicle.errors.js';
import type { NewVehicle, Vehicle, VehicleUpdate } from './vehicle.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** Each failed attempt means that somebody else's succeeded. */
const MAX_ATTEMPTS = 20;

/**
 * Every change of a vehicle goes through here: made to the version that was looked at, told to whoever listens, and
 * with its status change in the history exactly once. A vehicle and its history are two writes with a kill between
 * them: the vehicle comes first and holds its newest status change whole, and before the next one takes that place it
 * is put into the history (once more: its id makes a second time harmless). So the history lacks at most the newest,
 * and that never gets lost.
 */
@Injectable()
export class VehicleWriter {
  constructor(
    private readonly vehicles: VehiclesRepository,
    private readonly history: StatusChangesRepository,
    private readonly changes: VehicleChanges,
  ) {}

  /** @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken */
  async create(vehicle: NewVehicle, at: Date, by: StatusChange['by'], givenId?: string): Promise<Vehicle> {
    const created = await this.vehicles.create(vehicle, at, by, givenId);
    this.changes.publish(created);
    await this.history.insertOnce(created.lastStatus);
    return created;
  }

  /**
   * @param decide what to change in the vehicle as it is; null for nothing. Asked again when somebody was faster.
   * @throws what `decide` throws, vehicles/not-found, vehicles/busy, and the names that are taken
   */
  async change(id: string, decide: (vehicle: Vehicle) => VehicleUpdate | null): Promise<Vehicle> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const vehicle = await this.vehicles.getById(id);
      const update = decide(vehicle);
      if (update === null) return vehicle;
      if (update.lastStatus) await this.history.insertOnce(vehicle.lastStatus);
      const changed = await this.vehicles.update(vehicle.id, vehicle.version, update);
      if (!changed) continue;
      this.changes.publish(changed);
      if (update.lastStatus) await this.history.insertOnce(update.lastStatus);
      return changed;
    }
    throw vehicleBusy();
  }
}
