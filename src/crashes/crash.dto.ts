import { Transform } from 'class-transformer';
import { IsMongoId, IsOptional } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, lowerCased, PageDto } from '../core/index.js';
import type { Crash } from './crash.js';

export class ListCrashesDto extends PageDto {
  @ApiPropertyOptional({ description: 'Default: all vehicles.' })
  @IsOptional()
  @Transform(lowerCased)
  @IsMongoId({ message: 'vehicleId must be the id of a vehicle: 24 hexadecimal digits' })
  vehicleId?: string;
}

/** A crash on the wire, over HTTP and Socket.IO. */
export class CrashDto implements Omit<Crash, 'reportedAt' | 'roleEpoch'> {
  @ApiProperty({ example: '66f0c0ffee0123456789abce' })
  id!: string;

  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  vehicleId!: string;

  @ApiProperty({
    type: String,
    format: 'date-time',
    description: 'When the report arrived, by the clock of the service.',
  })
  reportedAt!: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'WGS-84 degrees; null when the box had no fix.',
    example: 48.137154,
  })
  lat!: number | null;

  @ApiProperty({ type: Number, nullable: true, example: 11.576124 })
  lon!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Metres per second.', example: 13.9 })
  speedMps!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Degrees clockwise from north.', example: 87 })
  headingDeg!: number | null;
}

export class CrashPageDto {
  @ApiProperty({ type: [CrashDto] })
  items!: CrashDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}

export function toCrashDto({ roleEpoch: _roleEpoch, ...crash }: Crash): CrashDto {
  return { ...crash, reportedAt: crash.reportedAt.toISOString() };
}
