import { IsIn } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, IsIsoTime, IsOptionalOrNull, PageDto } from '../core/index.js';
import type { Actor, StatusChange } from './status-change.js';
import { UNIT_STATUSES, type UnitStatus } from './status-change.js';
import type { StatusAnswer } from './vehicle-status.service.js';

/** A status from a crew's device, the same over HTTP and over the socket. */
export class StateStatusDto {
  @ApiProperty({ enum: UNIT_STATUSES, example: 'on_scene' })
  @IsIn(UNIT_STATUSES)
  status!: UnitStatus;

  @ApiPropertyOptional({
    type: String,
    format: 'date-time',
    example: '2026-11-01T10:00:00.000Z',
    description:
      'Start of the status by the device’s clock: at most 300 s ahead, not before 2000. Default: now.',
  })
  @IsOptionalOrNull()
  @IsIsoTime()
  at?: number;
}

export class ListStatusHistoryDto extends PageDto {}

export class StatusAnswerDto implements StatusAnswer {
  @ApiProperty({
    enum: UNIT_STATUSES,
    description: 'The current status; differs from the one sent when a newer one is known.',
  })
  status!: UnitStatus;

  @ApiProperty({ type: String, format: 'date-time' })
  statusAt!: string;
}

class ActorDto implements Actor {
  @ApiProperty({ enum: ['user', 'device'] })
  kind!: 'user' | 'device';

  @ApiProperty({
    description: 'Id of the user or of the device’s credential.',
    example: '66f0c0ffee0123456789abcd',
  })
  id!: string;
}

export class StatusChangeDto implements Omit<StatusChange, 'vehicleId'> {
  @ApiProperty({ enum: UNIT_STATUSES })
  status!: UnitStatus;

  @ApiProperty({ type: Date, description: 'Start of the status, by the clock of its source.' })
  at!: Date;

  @ApiProperty({ type: Date, description: 'Arrival at this service.' })
  recordedAt!: Date;

  @ApiProperty({ type: ActorDto })
  by!: ActorDto;
}

export class StatusHistoryDto {
  @ApiProperty({ type: [StatusChangeDto] })
  items!: StatusChangeDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
