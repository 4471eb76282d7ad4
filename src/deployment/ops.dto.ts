import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { ApiProperty, IsOptionalOrNull } from '../core/index.js';

/** Unknown fields are rejected, so that a typing mistake cannot drain an instance. */
export class DrainDto {
  /** For the audit log. */
  @ApiProperty({ required: false, example: 'kernel update' })
  @IsOptionalOrNull()
  @MaxLength(200)
  @IsString()
  why?: string;
}

export class HandoverDto extends DrainDto {
  /** Seconds over which the open sockets are closed; default 30. */
  @ApiProperty({ required: false, example: 30 })
  @IsOptionalOrNull()
  @Max(3_600)
  @Min(1)
  @IsInt()
  withinS?: number;
}

/** Progress of a drain or a handover. */
export class LettingGoDto {
  @ApiProperty({ example: 'draining' })
  state!: string;

  /** Open sockets, including those opened since the handover began. */
  @ApiProperty({ example: 214 })
  sockets!: number;

  /** HTTP requests in flight. */
  @ApiProperty({ example: 3 })
  http!: number;

  /** Time by which the drain must finish; null without a drain. */
  @ApiProperty({ type: String, format: 'date-time', nullable: true, example: '2026-11-24T03:00:25.000Z' })
  deadline!: Date | null;

  /** A handover is in progress. */
  @ApiProperty({ example: false })
  isHandingOver!: boolean;
}
