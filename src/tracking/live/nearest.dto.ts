import { ApiProperty, ApiPropertyOptional, PositionDto } from '../../core/index.js';
import { Transform, Type } from 'class-transformer';
import { IsIn, IsInt, IsNumber, IsOptional, Max, Min } from 'class-validator';
import { UNIT_STATUSES, type UnitStatus, VehicleDto } from '../../vehicles/index.js';

/** `Number('')` is 0, a valid coordinate: an empty text must not become a position. */
const toDegrees = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;

export class FindNearestDto {
  @ApiProperty({ minimum: -90, maximum: 90, example: 48.137 })
  @Transform(toDegrees)
  @Max(90)
  @Min(-90)
  @IsNumber({}, { message: 'lat must be a number of degrees from -90 to 90' })
  lat!: number;

  @ApiProperty({ minimum: -180, maximum: 180, example: 11.575 })
  @Transform(toDegrees)
  @Max(180)
  @Min(-180)
  @IsNumber({}, { message: 'lon must be a number of degrees from -180 to 180' })
  lon!: number;

  @ApiPropertyOptional({ enum: UNIT_STATUSES, default: 'available' })
  @IsOptional()
  @IsIn(UNIT_STATUSES)
  status: UnitStatus = 'available';

  @ApiPropertyOptional({ minimum: 1, maximum: 500, default: 5 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(500)
  limit: number = 5;

  @ApiPropertyOptional({
    description: 'Vehicles with an older position are excluded. Seconds.',
    minimum: 1,
    maximum: 604_800,
    default: 120,
  })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(604_800)
  maxAgeS: number = 120;
}

class NearVehicleDto {
  @ApiProperty({ type: VehicleDto })
  vehicle!: VehicleDto;

  @ApiProperty({ type: PositionDto })
  position!: PositionDto;

  @ApiProperty({ description: 'Great-circle distance, metres.', example: 812.4 })
  distanceM!: number;

  @ApiProperty({
    description: 'Age of the position since its time or its arrival, whichever is earlier; seconds.',
    example: 3.2,
  })
  ageS!: number;
}

class ExcludedDto {
  @ApiProperty({
    description: 'Vehicles of this status whose position is older than maxAgeS.',
    example: 2,
  })
  stale!: number;

  @ApiProperty({ description: 'Vehicles of this status without any position.', example: 1 })
  noPosition!: number;

  @ApiProperty({
    description:
      'Vehicles of this status whose clock is behind: their newest position is not their present place.',
    example: 0,
  })
  clock!: number;

  @ApiProperty({ description: 'Vehicles of another status.', example: 7 })
  status!: number;
}

export class NearestDto {
  @ApiProperty({ type: [NearVehicleDto] })
  items!: NearVehicleDto[];

  @ApiProperty({ type: ExcludedDto, description: 'Excluded vehicles. Each one is counted once.' })
  excluded!: ExcludedDto;
}
