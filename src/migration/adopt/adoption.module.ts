import { Module } from '@nestjs/common';
import { VehicleServicesModule } from '../../vehicles/index.js';
import { AdoptionService } from './adoption.service.js';
import { AdoptionsRepository } from './adoptions.repository.js';
import { OldCollectionsRepository } from './old-collections.repository.js';

@Module({
  imports: [VehicleServicesModule],
  providers: [AdoptionService, AdoptionsRepository, OldCollectionsRepository],
  exports: [AdoptionService],
})
export class AdoptionModule {}
