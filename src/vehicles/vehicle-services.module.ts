import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { DeviceCredentialsModule } from '../auth/index.js';
import { CachedVehicles } from './cached-vehicles.js';
import { LastPositions } from './last-positions.js';
import { StatusChangeRecord, StatusChangeSchema } from './status-change.schema.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import { VehicleArchivalService } from './vehicle-archival.service.js';
import { VehicleChanges } from './vehicle-changes.js';
import { VehicleCredentialsService } from './vehicle-credentials.service.js';
import { VehicleLists } from './vehicle-lists.js';
import { VehicleStatusService } from './vehicle-status.service.js';
import { VehicleWriter } from './vehicle-writer.js';
import { VehicleRecord, VehicleSchema } from './vehicle.schema.js';
import { VehiclesRepository } from './vehicles.repository.js';
import { VehiclesService } from './vehicles.service.js';

const SERVICES = [VehicleArchivalService, VehicleChanges, VehicleCredentialsService, VehicleStatusService];

/** The vehicles without their HTTP interface: the service and the commands use it. */
@Module({
  imports: [
    DeviceCredentialsModule,
    MongooseModule.forFeature([
      { name: VehicleRecord.name, schema: VehicleSchema },
      { name: StatusChangeRecord.name, schema: StatusChangeSchema },
    ]),
  ],
  providers: [
    ...SERVICES,
    VehiclesService,
    LastPositions,
    CachedVehicles,
    VehicleLists,
    VehiclesRepository,
    StatusChangesRepository,
    VehicleWriter,
  ],
  exports: [...SERVICES, VehiclesService, LastPositions],
})
export class VehicleServicesModule {}
