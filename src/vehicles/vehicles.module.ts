import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { VehicleCredentialsController } from './vehicle-credentials.controller.js';
import { VehicleServicesModule } from './vehicle-services.module.js';
import { VehicleStatusController } from './vehicle-status.controller.js';
import { VehiclesController } from './vehicles.controller.js';

@Module({
  imports: [AuthModule, VehicleServicesModule],
  controllers: [VehiclesController, VehicleStatusController, VehicleCredentialsController],
  exports: [VehicleServicesModule],
})
export class VehiclesModule {}
