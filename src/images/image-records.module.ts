import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { ImageCatalogRepository } from './image-catalog.repository.js';
import { ImageRecord, ImageSchema } from './image.schema.js';

/** The image records for commands, without the decoder, the sweeps and the HTTP interface of `ImagesModule`. */
@Module({
  imports: [MongooseModule.forFeature([{ name: ImageRecord.name, schema: ImageSchema }])],
  providers: [ImageCatalogRepository],
  exports: [ImageCatalogRepository],
})
export class ImageRecordsModule {}
