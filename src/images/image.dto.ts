import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn } from 'class-validator';
import { PICTURE_TYPES, type PictureType } from './formats/picture-type.js';
import { THUMBNAIL_WIDTHS, type ThumbnailWidth } from './volume/volume-layout.js';
import { PageDto } from '../core/index.js';
import type { ImageView } from './image.js';

export class ListImagesDto extends PageDto {}

export class ThumbnailDto {
  @ApiProperty({
    enum: THUMBNAIL_WIDTHS,
    example: 320,
    description: 'In pixels; a smaller picture stays as it is.',
  })
  @Type(() => Number)
  @IsIn(THUMBNAIL_WIDTHS)
  width!: ThumbnailWidth;
}

export class UploadImageDto {
  @ApiProperty({ type: 'string', format: 'binary', example: '(the bytes of the picture)' })
  file!: unknown;
}

export class ImageDto implements ImageView {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '66f0c0ffee0123456789abce',
    description: 'null: adopted from the old server, and nobody knows whose it is.',
  })
  vehicleId!: string | null;

  @ApiProperty({ example: 'IMG_2041.jpg', description: 'As the sender called it; only to be shown.' })
  filename!: string;

  @ApiProperty({ enum: PICTURE_TYPES })
  contentType!: PictureType;

  @ApiProperty({ example: 2_481_302 })
  sizeBytes!: number;

  @ApiProperty({
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    description:
      'Of the bytes that are served; without place and device data they are others than those sent.',
  })
  sha256!: string;

  @ApiProperty({ type: Number, nullable: true, example: 4_032 })
  width!: number | null;

  @ApiProperty({ type: Number, nullable: true, example: 3_024 })
  height!: number | null;

  @ApiProperty({ type: Date })
  createdAt!: Date;

  @ApiProperty({ example: '/api/v1/images/66f0c0ffee0123456789abcd/content' })
  url!: string;
}

export class ImagePageDto {
  @ApiProperty({ type: [ImageDto] })
  items!: ImageDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
