import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { IsOptionalOrNull } from '../core/index.js';

/** An unknown field is an error, so that a typing mistake does not drain an instance. */
export class DrainDto {
  /** For the audit log. */
  @ApiProperty({ required: false, example: 'kernel update' })
  @IsOptionalOrNull()
  @MaxLength(200)
  @IsString()
  why?: string;
}

export class HandoverDto extends DrainDto {
  /** Seconds over which the sockets that are here now are let go; default 30. */
  @ApiProperty({ required: false, example: 30 })
  @IsOptionalOrNull()
  @Max(3_600)
  @Min(1)
  @IsInt()
  withinS?: number;
}

/** How far the letting go has come. */
export class LettingGoDto {
  @ApiProperty({ example: 'draining' })
  state!: string;

  /** Sockets that are here now, those that came since included. */
  @ApiProperty({ example: 214 })
  sockets!: number;

  /** HTTP calls under way. */
  @ApiProperty({ example: 3 })
  http!: number;

  /** When a drain must be through; null without one. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-24T03:00:25.000Z' })
  deadline!: Date | null;

  /** Whether a handover is under way. */
  @ApiProperty({ example: false })
  isHandingOver!: boolean;
}
