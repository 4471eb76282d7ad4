import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { LastPositions } from './last-positions.js';
import { StatusChangeRecord, StatusChangeSchema } from './status-change.schema.js';
import { StatusChangesRepository } from './status-changes.repository.js';
import { VehicleArchivalService } from './vehicle-archival.service.js';
import { VehicleChanges } from './vehicle-changes.js';
import { VehicleCredentialsController } from './vehicle-credentials.controller.js';
import { VehicleCredentialsService } from './vehicle-credentials.service.js';
import { VehicleStatusController } from './vehicle-status.controller.js';
import { VehicleStatusService } from './vehicle-status.service.js';
import { VehicleWriter } from './vehicle-writer.js';
import { VehicleRecord, VehicleSchema } from './vehicle.schema.js';
import { VehiclesController } from './vehicles.controller.js';
import { VehiclesRepository } from './vehicles.repository.js';
import { VehiclesService } from './vehicles.service.js';

@Module({
  imports: [
    AuthModule,
    MongooseModule.forFeature([
      { name: VehicleRecord.name, schema: VehicleSchema },
      { name: StatusChangeRecord.name, schema: StatusChangeSchema },
    ]),
  ],
  controllers: [VehiclesController, VehicleStatusController, VehicleCredentialsController],
  providers: [
    VehiclesRepository,
    StatusChangesRepository,
    VehicleWriter,
    VehicleChanges,
    VehicleArchivalService,
    VehicleCredentialsService,
    VehicleStatusService,
    VehiclesService,
    LastPositions,
  ],
  exports: [VehiclesService, VehicleStatusService, LastPositions],
})
export class VehiclesModule {}
