import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { AuthModule } from '../auth/index.js';
import { VehiclesModule } from '../vehicles/index.js';
import { Decoder } from './decoder/decoder.service.js';
import { ImageContent } from './image-content.service.js';
import { ImageRemovals } from './image-removals.service.js';
import { ImageRecord, ImageSchema } from './image.schema.js';
import { ImageIntake } from './image-intake.service.js';
import { ImageUploads } from './image-uploads.service.js';
import { ImageLog } from './image-log.service.js';
import { ImageVolume } from './image-volume.js';
import { ImagesController } from './images.controller.js';
import { ImagesRepository } from './images.repository.js';
import { ImagesService } from './images.service.js';
import { IncomingFiles } from './incoming-files.js';
import { IncomingSweep } from './incoming-sweep.js';
import { OldAddressesController } from './old-addresses.controller.js';
import { OldAddresses } from './old-addresses.service.js';
import { Thumbnails } from './thumbnails.service.js';
import { VehicleImagesController } from './vehicle-images.controller.js';
import { VehicleQuota } from './vehicle-quota.js';

@Module({
  imports: [
    AuthModule,
    VehiclesModule,
    MongooseModule.forFeature([{ name: ImageRecord.name, schema: ImageSchema }]),
  ],
  controllers: [VehicleImagesController, ImagesController, OldAddressesController],
  providers: [
    ImagesRepository,
    ImageVolume,
    VehicleQuota,
    IncomingFiles,
    IncomingSweep,
    Decoder,
    Thumbnails,
    ImageContent,
    ImageIntake,
    ImageLog,
    ImageUploads,
    ImagesService,
    ImageRemovals,
    OldAddresses,
  ],
  exports: [ImageIntake, ImageLog, ImageVolume],
})
export class ImagesModule {}
