import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { DecoderService } from './decoder/decoder.service.js';
import { ImageContentService } from './serving/image-content.service.js';
import { ImageDeletionService } from './image-deletion.service.js';
import { ImageRecordsModule } from './image-records.module.js';
import { ImageIntakeService } from './upload/image-intake.service.js';
import { ImageVolume } from './volume/image-volume.js';
import { ImagesController } from './images.controller.js';
import { ImagesService } from './images.service.js';
import { IncomingFiles } from './upload/incoming-files.js';
import { IncomingSweep } from './upload/incoming-sweep.js';
import { OldAddressesController } from './serving/old-addresses.controller.js';
import { OldAddressesService } from './serving/old-addresses.service.js';
import { ThumbnailsService } from './serving/thumbnails.service.js';
import { VehicleImagesController } from './vehicle-images.controller.js';
import { ImageRemovalService } from './retention/image-removal.service.js';
import { ImageRetention } from './retention/image-retention.service.js';
import { RetentionPlannerModule } from './retention/retention-planner.module.js';
import { ImageRecount } from './totals/image-recount.js';
import { ImageTotalsService } from './totals/image-totals.service.js';
import { ImageSetIntakeService } from './upload/image-set-intake.service.js';
import { VehicleQuota } from './upload/vehicle-quota.js';

@Module({
  imports: [AuthModule, VehiclesModule, ImageRecordsModule, RetentionPlannerModule],
  controllers: [VehicleImagesController, ImagesController, OldAddressesController],
  providers: [
    ImageVolume,
    ImageTotalsService,
    ImageRecount,
    ImageRemovalService,
    ImageRetention,
    VehicleQuota,
    ImageSetIntakeService,
    IncomingFiles,
    IncomingSweep,
    DecoderService,
    ThumbnailsService,
    ImageContentService,
    ImageIntakeService,
    ImagesService,
    ImageDeletionService,
    OldAddressesService,
  ],
  exports: [ImageSetIntakeService, ImagesService, ImageVolume],
})
export class ImagesModule {}
