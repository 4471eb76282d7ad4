import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsMongoId, IsString, MaxLength } from 'class-validator';
import { lowerCased, MayBeAbsent } from '../common/index.js';

export class WatchDto {
  @MayBeAbsent()
  @Transform(lowerCased)
  @IsMongoId({ each: true, message: 'vehicleIds must be ids of vehicles: 24 hexadecimal digits each' })
  @ArrayMaxSize(10_000)
  @IsArray()
  vehicleIds?: string[];

  /** `[west, south, east, north]`, or the same as text, as in the HTTP query. */
  @MayBeAbsent()
  @Transform(({ value }: { value: unknown }) =>
    Array.isArray(value) && value.length === 4 ? value.join(',') : value,
  )
  @MaxLength(120, { message: 'bbox must be [west, south, east, north] in degrees' })
  @IsString({ message: 'bbox must be [west, south, east, north] in degrees' })
  bbox?: string;

  @MayBeAbsent()
  @MaxLength(40)
  @IsString()
  since?: string;
}
