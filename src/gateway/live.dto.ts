import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsMongoId, IsString, MaxLength } from 'class-validator';
import { lowerCased, IsOptionalOrNull } from '../core/index.js';

export class WatchDto {
  @IsOptionalOrNull()
  @Transform(lowerCased)
  @IsMongoId({ each: true, message: 'vehicleIds must be ids of vehicles: 24 hexadecimal digits each' })
  @ArrayMaxSize(10_000)
  @IsArray()
  vehicleIds?: string[];

  /** `[west, south, east, north]`, or the same as a text, as in the HTTP query. */
  @IsOptionalOrNull()
  @Transform(({ value }: { value: unknown }) =>
    Array.isArray(value) && value.length === 4 ? value.join(',') : value,
  )
  @MaxLength(120, { message: 'bbox must be [west, south, east, north] in degrees' })
  @IsString({ message: 'bbox must be [west, south, east, north] in degrees' })
  bbox?: string;

  @IsOptionalOrNull()
  @MaxLength(40)
  @IsString()
  since?: string;
}
