import { Module } from '@nestjs/common';
import { VehicleServicesModule } from '../../vehicles/index.js';
import { ImageRecordsModule } from '../image-records.module.js';
import { ImageReferences } from './image-references.js';
import { RetentionPlanner } from './retention-planner.js';

/** What retention would delete: a command shows it without the jobs and the volume of `ImagesModule`. */
@Module({
  imports: [ImageRecordsModule, VehicleServicesModule],
  providers: [ImageReferences, RetentionPlanner],
  exports: [ImageReferences, RetentionPlanner],
})
export class RetentionPlannerModule {}
