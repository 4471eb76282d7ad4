import { Transform } from 'class-transformer';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PageDto, PositionDto } from '../core/index.js';
import { IsBoxCode, IsCallSign, IsOptionalNotNull, IsRegistration } from './name.decorators.js';
import { UNIT_STATUSES, type UnitStatus } from './status-change.js';
import { VEHICLE_TYPES, type VehicleType } from './vehicle.js';

const CALL_SIGN = { example: 'RTW 1/83-1', minLength: 1, maxLength: 40 };
const REGISTRATION = { example: 'M-RK 1831', minLength: 1, maxLength: 20 };
const BOX_CODE = {
  type: String,
  nullable: true,
  example: '291',
  description: 'Name that the old tracking box sends; null for none.',
  minLength: 1,
  maxLength: 64,
};

export class CreateVehicleDto {
  @ApiProperty(CALL_SIGN)
  @IsCallSign()
  callSign!: string;

  @ApiProperty(REGISTRATION)
  @IsRegistration()
  registration!: string;

  @ApiProperty({ enum: VEHICLE_TYPES, example: 'als' })
  @IsIn(VEHICLE_TYPES)
  type!: VehicleType;

  @ApiPropertyOptional({ enum: UNIT_STATUSES, default: 'available' })
  @Transform(({ value }: { value: unknown }) => value ?? 'available')
  @IsIn(UNIT_STATUSES)
  status: UnitStatus = 'available';

  @ApiPropertyOptional(BOX_CODE)
  @IsOptional()
  @IsBoxCode()
  boxCode?: string | null;
}

/** An absent field stays as it is. */
export class AlterVehicleDto {
  @ApiPropertyOptional(CALL_SIGN)
  @IsOptionalNotNull()
  @IsCallSign()
  callSign?: string;

  @ApiPropertyOptional(REGISTRATION)
  @IsOptionalNotNull()
  @IsRegistration()
  registration?: string;

  @ApiPropertyOptional({ enum: VEHICLE_TYPES, example: 'als' })
  @IsOptionalNotNull()
  @IsIn(VEHICLE_TYPES)
  type?: VehicleType;

  @ApiPropertyOptional({ enum: UNIT_STATUSES, example: 'dispatched', description: 'Takes effect now.' })
  @IsOptionalNotNull()
  @IsIn(UNIT_STATUSES)
  status?: UnitStatus;

  @ApiPropertyOptional(BOX_CODE)
  @IsOptional()
  @IsBoxCode()
  boxCode?: string | null;
}

export class ListVehiclesDto extends PageDto {
  @ApiPropertyOptional({ enum: UNIT_STATUSES })
  @IsOptional()
  @IsIn(UNIT_STATUSES)
  status?: UnitStatus;

  @ApiPropertyOptional({ enum: VEHICLE_TYPES })
  @IsOptional()
  @IsIn(VEHICLE_TYPES)
  type?: VehicleType;

  @ApiPropertyOptional({
    description: 'Beginning of the call sign or the registration, case-blind, as in `rtw 1`.',
    minLength: 1,
    maxLength: 40,
  })
  @IsOptional()
  @Length(1, 40)
  @IsString()
  q?: string;
}

export class VehicleDto {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  id!: string;

  @ApiProperty({ example: 'RTW 1/83-1' })
  callSign!: string;

  @ApiProperty({ example: 'M-RK 1831' })
  registration!: string;

  @ApiProperty({ enum: VEHICLE_TYPES })
  type!: VehicleType;

  @ApiProperty({ enum: UNIT_STATUSES })
  status!: UnitStatus;

  @ApiProperty({ type: Date, description: 'Start of the status, by the clock of its source.' })
  statusAt!: Date;

  @ApiProperty({ type: String, nullable: true, example: '291' })
  boxCode!: string | null;

  @ApiProperty({ type: PositionDto, nullable: true, description: 'The newest good position.' })
  lastPosition!: PositionDto | null;

  @ApiProperty({ type: Date })
  createdAt!: Date;

  @ApiProperty({ type: Date })
  updatedAt!: Date;
}

export class VehiclePageDto {
  @ApiProperty({ type: [VehicleDto] })
  items!: VehicleDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
