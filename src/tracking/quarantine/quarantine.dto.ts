import { Transform } from 'class-transformer';
import { IsIn, IsMongoId, IsOptional } from 'class-validator';
import {
  ApiProperty,
  ApiPropertyOptional,
  PositionDto,
  lowerCased,
  PageDto,
  QUARANTINE_CODES,
  type QuarantineCode,
} from '../../core/index.js';

export class QuarantineQueryDto extends PageDto {
  @ApiPropertyOptional({ description: 'Default: all vehicles.' })
  @IsOptional()
  @Transform(lowerCased)
  @IsMongoId({ message: 'vehicleId must be the id of a vehicle: 24 hexadecimal digits' })
  vehicleId?: string;

  @ApiPropertyOptional({ enum: QUARANTINE_CODES })
  @IsOptional()
  @IsIn(QUARANTINE_CODES)
  reason?: QuarantineCode;
}

export class QuarantinedPositionDto {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd0199f3b0c1d2a1b2c3d4' })
  id!: string;

  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  vehicleId!: string;

  @ApiProperty({ enum: QUARANTINE_CODES, example: 'jump' })
  code!: QuarantineCode;

  @ApiProperty({ type: PositionDto })
  position!: PositionDto;

  @ApiProperty({ type: Date, nullable: true, description: 'Null while it is held.' })
  releasedAt!: Date | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Id of the user; null while it is held, and when a sequence of jumps released it.',
    example: '66f0c0ffee0123456789abce',
  })
  releasedBy!: string | null;
}

export class QuarantinePageDto {
  @ApiProperty({ type: [QuarantinedPositionDto] })
  items!: QuarantinedPositionDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    description: 'Held positions of all vehicles, by code.',
    example: {
      future: 0,
      too_old: 0,
      stale_clock: 0,
      inaccurate: 3,
      null_island: 1,
      time_conflict: 0,
      jump: 2,
    },
  })
  counts!: Record<QuarantineCode, number>;
}
