import { IsIn, IsOptional } from 'class-validator';
import { ApiProperty, ApiPropertyOptional, PageDto } from '../core/index.js';
import { CREW_EVENT_TYPES, type CrewEventType } from './crew-event.js';
import { SEND_STATES, type SendState } from './crew-event.schema.js';
import type { NotificationView } from './notifications.service.js';

export class ListNotificationsDto extends PageDto {
  @ApiPropertyOptional({ enum: SEND_STATES, default: 'dead' })
  @IsOptional()
  @IsIn(SEND_STATES)
  state: SendState = 'dead';
}

export class NotificationDto implements NotificationView {
  @ApiProperty({ example: '66f0c0ffee0123456789abcd.panel.speed_above_80.1793527200000' })
  id!: string;

  @ApiProperty({ example: '66f0c0ffee0123456789abcd' })
  vehicleId!: string;

  @ApiProperty({ enum: CREW_EVENT_TYPES, example: 'speed_above_80' })
  type!: CrewEventType;

  @ApiProperty()
  at!: Date;

  @ApiProperty({ description: 'By the clock of the database.' })
  recordedAt!: Date;

  @ApiProperty({
    description: 'It was old when it was recorded, so it is kept and not sent.',
    example: false,
  })
  late!: boolean;

  @ApiProperty({
    description: "The vehicle's id in the old system.",
    example: '66f0c0ffee0123456789abcd',
  })
  ambulanceId!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: "Id of the vehicle's open request.",
    example: null,
  })
  requestId!: string | null;

  @ApiProperty({
    enum: SEND_STATES,
    example: 'dead',
    description:
      'kept: not to be sent, because it was late or `ambulances` does not have the vehicle. dead: given up.',
  })
  state!: SendState;

  @ApiProperty({ type: 'integer', example: 18 })
  attempts!: number;

  @ApiProperty({ description: 'When the next attempt is due, while the state is waiting.' })
  nextAttemptAt!: Date;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Why the last attempt failed, or why it is kept.',
    example: 'answered 500',
  })
  failure!: string | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: null })
  sentAt!: Date | null;
}

export class NotificationPageDto {
  @ApiProperty({ type: [NotificationDto] })
  items!: NotificationDto[];

  @ApiProperty({ type: String, nullable: true })
  nextCursor!: string | null;
}
