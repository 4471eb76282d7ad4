import type { Connection, Model } from 'mongoose';
import { deviceCredentials } from '../auth/index.js';
import { Clock, EventBus } from '../core/index.js';
import { StartupTasks } from '../database/index.js';
import { LastPositions } from './last-positions.js';
import type { Actor } from './status-change.js';
import { StatusChangeRecord, StatusChangeSchema } from './status-change.schema.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import { VehicleArchivalService } from './vehicle-archival.service.js';
import { VehicleChanges } from './vehicle-changes.js';
import { VehicleCredentialsService } from './vehicle-credentials.service.js';
import { newStatusChange } from './vehicle-status.service.js';
import { VehicleWriter } from './vehicle-writer.js';
import type { NewVehicle, Vehicle } from './vehicle.js';
import { VehicleRecord, VehicleSchema } from './vehicle.schema.js';
import { VehiclesRepository } from './vehicles.repository.js';

/** A command has no user account. */
const COMMAND_ACTOR: Actor = { kind: 'user', id: '0'.repeat(24) };

/**
 * The vehicles for commands, which have a connection and no application: every change goes the same way as the service's,
 * with versions and history. Running instances see it in storage.
 */
export class VehicleRegister {
  private readonly vehicles: VehiclesRepository;
  private readonly writer: VehicleWriter;
  private readonly archiving: VehicleArchivalService;
  private readonly clock = new Clock();

  constructor(connection: Connection) {
    const vehicles: unknown = connection.model(VehicleRecord.name, VehicleSchema);
    const changes: unknown = connection.model(StatusChangeRecord.name, StatusChangeSchema);
    this.vehicles = new VehiclesRepository(vehicles as Model<VehicleRecord>);
    const history = new StatusChangesRepository(changes as Model<StatusChangeRecord>);
    this.writer = new VehicleWriter(
      this.vehicles,
      history,
      new VehicleChanges(new LastPositions(), new EventBus()),
    );
    const credentials = new VehicleCredentialsService(this.vehicles, deviceCredentials(connection));
    this.archiving = new VehicleArchivalService(
      this.vehicles,
      this.writer,
      credentials,
      this.clock,
      new StartupTasks(),
    );
  }

  /** Every vehicle there ever was. */
  list(): Promise<Vehicle[]> {
    return this.vehicles.listIncludingArchived();
  }

  /** @throws vehicles/call-sign-taken, vehicles/registration-taken, vehicles/box-code-taken */
  async add(id: string, vehicle: NewVehicle): Promise<void> {
    await this.writer.create(vehicle, new Date(this.clock.nowMs()), COMMAND_ACTOR, id);
  }

  /** @throws vehicles/not-found, vehicles/busy, and the names that are taken */
  async alter(id: string, { status, ...fields }: Partial<NewVehicle>): Promise<void> {
    await this.writer.change(id, (vehicle) => ({
      ...fields,
      ...(status !== undefined && {
        lastStatus: newStatusChange(vehicle, { status }, this.clock.nowMs(), COMMAND_ACTOR),
      }),
    }));
  }

  /** Revokes the credentials of the vehicle and keeps its records. @throws vehicles/not-found, vehicles/busy */
  archive(id: string): Promise<void> {
    return this.archiving.archive(id);
  }
}
