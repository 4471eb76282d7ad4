import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsIsoTime } from '../../core/index.js';
import { PositionDto } from '../position.dto.js';
import { TRACK_FORMATS, type TrackFormatName } from './track-export.service.js';

const ORDERS = ['asc', 'desc'] as const;
const FORMATS = Object.keys(TRACK_FORMATS);

export class ListPositionsDto {
  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    example: '2026-11-01T10:00:00Z',
    description: 'From this time on. Default: the beginning.',
  })
  @IsOptional()
  @IsIsoTime()
  from?: number;

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    example: '2026-11-01T11:00:00Z',
    description: 'Before this time. Default: no end.',
  })
  @IsOptional()
  @IsIsoTime()
  to?: number;

  @ApiPropertyOptional({ enum: ORDERS, default: 'asc', description: 'By the time of the fix.' })
  @IsOptional()
  @IsIn(ORDERS)
  order: 'asc' | 'desc' = 'asc';

  @ApiPropertyOptional({ minimum: 1, maximum: 5000, default: 1000 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(5_000)
  limit?: number;

  @ApiPropertyOptional({ description: 'nextCursor of the page before.', maxLength: 100 })
  @IsOptional()
  @MaxLength(100)
  @IsString()
  cursor?: string;

  @ApiPropertyOptional({
    enum: FORMATS,
    description: 'A file with the whole range instead of a page; without limit and cursor.',
  })
  @IsOptional()
  @IsIn(FORMATS)
  format?: TrackFormatName;
}

export class PositionPageDto {
  @ApiProperty({ type: [PositionDto] })
  items!: PositionDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
