import { Type } from 'class-transformer';
import { IsIn } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PageDto } from '../core/index.js';
import { IMAGE_TYPES, type ImageType } from './formats/image-type.js';
import type { ImageView } from './image.js';
import { THUMBNAIL_WIDTHS, type ThumbnailWidth } from './volume/volume-layout.js';

const BYTES = {
  schema: { type: 'string' as const, format: 'binary' },
  example: '(the bytes of the image)',
};

/** Contents of answers that carry an image, for OpenAPI. */
export const IMAGE_CONTENT = Object.fromEntries(IMAGE_TYPES.map((type) => [type, BYTES]));
export const THUMBNAIL_CONTENT = { 'image/webp': BYTES };
export const RANGE_HEADER = {
  name: 'Range',
  required: false,
  description: 'One range, e.g. bytes=0-65535.',
};

export class ListImagesDto extends PageDto {}

export class ThumbnailDto {
  @ApiProperty({
    enum: THUMBNAIL_WIDTHS,
    example: 320,
    description: 'Pixels. A smaller image is not enlarged.',
  })
  @Type(() => Number)
  @IsIn(THUMBNAIL_WIDTHS)
  width!: ThumbnailWidth;
}

export class UploadImageDto {
  @ApiProperty({ type: 'string', format: 'binary', example: '(the bytes of the image)' })
  file!: unknown;
}

export class ImageDto implements ImageView {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    example: '66f0c0ffee0123456789abce',
    description: 'null: adopted from the old server, and no vehicle has the box code of its folder.',
  })
  vehicleId!: string | null;

  @ApiProperty({
    example: 'IMG_2041.jpg',
    description: "The client's file name with the extension of `contentType`. For display only.",
  })
  filename!: string;

  @ApiProperty({ enum: IMAGE_TYPES })
  contentType!: ImageType;

  @ApiProperty({ example: 2_481_302 })
  sizeBytes!: number;

  @ApiProperty({
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    description:
      'SHA-256 of the stored bytes. They differ from the sent bytes when metadata such as the location were removed.',
  })
  sha256!: string;

  @ApiProperty({ type: Number, nullable: true, example: 4_032 })
  width!: number | null;

  @ApiProperty({ type: Number, nullable: true, example: 3_024 })
  height!: number | null;

  @ApiPropertyOptional({
    enum: [true],
    description: 'Present when an old box sent an incomplete image: it is stored as it arrived.',
  })
  isDamaged?: true;

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
