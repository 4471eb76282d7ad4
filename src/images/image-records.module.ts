import { Module } from '@nestjs/common';
import { MongooseModule } from '@nestjs/mongoose';
import { ImageCatalogRepository } from './image-catalog.repository.js';
import { ImageRecord, ImageSchema } from './image.schema.js';
import { ImagesRepository } from './images.repository.js';
import { ImageTotalsRepository } from './totals/image-totals.repository.js';

/** The image records alone: commands use them without the HTTP routes, decoder and jobs of `ImagesModule`. */
@Module({
  imports: [MongooseModule.forFeature([{ name: ImageRecord.name, schema: ImageSchema }])],
  providers: [ImagesRepository, ImageCatalogRepository, ImageTotalsRepository],
  exports: [ImagesRepository, ImageCatalogRepository, ImageTotalsRepository],
})
export class ImageRecordsModule {}
