import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PositionDto, IsIsoTime } from '../../core/index.js';
import { TRACK_FORMATS, type TrackFormatName } from './track-export.service.js';

const ORDERS = ['asc', 'desc'] as const;
const FORMATS = Object.keys(TRACK_FORMATS);

export class ListPositionsDto {
  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    description: 'Positions from this time on. Default: no lower bound.',
  })
  @IsOptional()
  @IsIsoTime()
  from?: number;

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    description: 'Positions before this time. Default: no upper bound.',
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
    description: 'Answer with a file of the whole range instead of a page. Excludes limit and cursor.',
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

/** The answer for each `format`; JSON without one. */
export const TRACK_EXAMPLES = {
  'application/json': { schema: { $ref: `#/components/schemas/${PositionPageDto.name}` } },
  'application/gpx+xml': {
    example:
      '<gpx version="1.1" creator="Samserver" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>' +
      '<trkpt lat="48.137" lon="11.575"><time>2026-11-01T10:00:00.000Z</time></trkpt></trkseg></trk></gpx>',
  },
  'application/geo+json': {
    example: {
      type: 'FeatureCollection',
      features: [
        {
          type: 'Feature',
          geometry: { type: 'Point', coordinates: [11.575, 48.137] },
          properties: { time: '2026-11-01T10:00:00.000Z' },
        },
      ],
    },
  },
  'text/csv': {
    example:
      'time,lat,lon,speed_mps,heading_deg,accuracy_m,altitude_m,battery_pct,ignition,received_at,attributes\r\n' +
      '2026-11-01T10:00:00.000Z,48.137,11.575,13.9,87,5,519,83,true,2026-11-01T10:00:00.412Z,"{""siren"":true}"\r\n',
  },
};
